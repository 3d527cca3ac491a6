"""Lists of builds in the REST API: every filter, and what is no filter."""

from typing import Any
from urllib.parse import quote

import pytest

from bkagent.controlplane.api_tokens import Person
from bkagent.controlplane.records import NewBuild

ORG = "/organizations/local"
ANN = Person("Ann", "ann@example.com")


@pytest.fixture
def numbers(desk: Any) -> Any:
    """Return a function that lists the numbers of the builds that a query finds, the oldest first."""
    moments = iter(range(1_700_000_000, 1_800_000_000, 60))
    desk.plane.ledger.clock = lambda: next(moments)
    steps = [{"command": "true"}]
    for branch, commit, details in (
        ("main", "a" * 40, {"creator": ANN.to_wire()}), ("topic/one", "b" * 40, {"meta_data": {"k": "v", "x": "y"}}),
        ("topic/two", "c" * 40, {"meta_data": {"k": "v"}}), ("[a]?", "HEAD", {}),
    ):  # fmt: skip
        new = NewBuild("demo", {"steps": steps}, branch=branch, commit=commit, repository="/r", **details)
        desk.plane.builds.create(new)
    desk.plane.builds.cancel(desk.plane.builds.by_number("demo", 4).id)
    desk.plane.api_tokens.create("script", ANN)

    def find(query: str) -> Any:
        status, listed, _ = desk.rest().call("GET", f"{ORG}/builds?{query}")
        return sorted(item["number"] for item in listed) if status == 200 else (status, listed["message"])

    return find


def test_each_filter(numbers: Any, desk: Any) -> None:
    first, last = (desk.rest().call("GET", f"{ORG}/pipelines/demo/builds/{number}")[1] for number in (1, 4))
    after_first = quote(desk.rest().call("GET", f"{ORG}/pipelines/demo/builds/2")[1]["created_at"])
    queries = {
        "": [1, 2, 3, 4],
        "branch=main": [1],
        "branch=topic/*": [2, 3],
        "branch[]=main&branch[]=*two": [1, 3],
        "branch=" + quote("[a]?"): [4],
        "branch=" + quote("[a]*"): [4],
        "branch=" + quote("[mt]*"): [],
        "commit=" + "a" * 40: [1],
        "commit[]=" + "a" * 40 + "&commit[]=" + "c" * 40: [1, 3],
        "commit=b*": [2],
        "state=canceled": [4],
        "state[]=canceled&state[]=scheduled": [1, 2, 3, 4],
        "state=finished": [4],
        "creator=" + first["creator"]["id"]: [1],
        "creator=unknown": [],
        "meta_data[k]=v": [2, 3],
        "meta_data%5Bk%5D=v&meta_data[x]=y": [2],
        "meta_data[k]=V": [],
        "created_from=" + after_first: [2, 3, 4],
        "created_to=" + after_first: [1],
        "created_from=2023-11-14": [1, 2, 3, 4],
        "created_to=2023-11-14T00:00:00": [],
        "finished_from=" + quote(last["finished_at"]): [4],
        "finished_from=2030-01-01": [],
        "branch=topic/*&meta_data[x]=y&state=scheduled&page=1&per_page=5&include_paused=false": [2],
    }
    assert {query: numbers(query) for query in queries} == queries


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("brunch=main", '"brunch" is not a parameter of a list of builds; the filters are state, branch, '),
        ("created_from=yesterday", "created_from must be a date such as 2015-05-09T21:05:59Z"),
        ("branch=" + "*a" * 6, 'branch may have at most 5 "*"'),
        ("state=done", '"done" is not a state of a build; the states are finished, '),
    ],
)
def test_what_is_no_filter(numbers: Any, query: str, sentence: str) -> None:
    status, message = numbers(query)
    assert status == 400 and message.startswith(sentence)


def test_parts_that_are_left_out(numbers: Any, desk: Any) -> None:
    (build,) = desk.rest().call("GET", ORG + "/builds?branch=main&exclude_pipeline=true&exclude_jobs=true")[1]
    assert "pipeline" not in build and build["jobs"] == []
