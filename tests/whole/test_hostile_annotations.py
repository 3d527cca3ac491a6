"""Annotations that a job sends to the archive's server: what its REST API hands on, ordinary ones and hostile ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from tests.fakes import browser
from tests.fakes.html_tree import Tree, check_allowed, text_of
from tests.markdown.evasions import KNOWN
from tests.markdown.test_safe_html import ALLOWED, VALUES
from tests.whole.agent_caller import Caller
from tests.whole.site import Site

ORDINARY = """### Tests :rocket:

| test | time |
|------|-----:|
| `a_b` | **1 s** |

<details><summary>1 failure</summary>

```term
\x1b[31mexpected\x1b[0m
```

</details>

[report](artifact://out/index.html) <img src="artifact://out/a.png" alt="a picture" height=250>
<p class="term-fg31 evil">red</p>
"""


class Annotated:
    """A build with a running job that annotates it."""

    def __init__(self, site: Site) -> None:
        self.caller = Caller(site)
        self.build = self.caller.build("app", {"command": "a"})
        self.job_id = self.build["jobs"][0]["id"]
        self.token = self.caller.begin(self.job_id, self.caller.session())

    def call(self, method: str, path: str, document: Any) -> Any:
        status, answer = self.caller.call(method, f"/v3/jobs/{self.job_id}/{path}", self.token, document)
        assert status < 300, answer
        return answer

    def html_of(self, bodies: Dict[str, str]) -> List[str]:
        """Send annotations by their contexts; return the HTML of each."""
        for context, body in bodies.items():
            self.call("POST", "annotations", {"body": body, "context": context})
        shown = self.caller.shown(self.build, "/annotations?per_page=100")
        html = {annotation["context"]: annotation["body_html"] for annotation in shown}
        return [html[context] for context in bodies]


@pytest.fixture(scope="module")
def annotated(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Annotated]:
    with Site(archive, tmp_path_factory.mktemp("annotations")) as site:
        yield Annotated(site)


def test_known_evasions_leave_the_allowed_nodes_alone(annotated: Annotated, tmp_path: Path) -> None:
    shown = annotated.html_of(KNOWN)
    for html in shown:
        check_allowed(Tree(html).nodes, ALLOWED, VALUES)
    readings = browser.read(shown, tmp_path)
    assert readings.ran == []
    for html, reading in zip(shown, readings.texts):
        assert reading.nodes == reading.whole == Tree(html).nodes
        assert {protocol for _, protocol, _ in reading.links} <= {"http:", "https:", "mailto:", ":"}, html


def test_an_ordinary_annotation_is_shown_as_it_is_meant(annotated: Annotated) -> None:
    elsewhere = {"file_size": 1, "upload_destination": "s3://bucket", "url": "https://bucket.test/a"}
    artifacts = [{"path": path, **elsewhere} for path in ("out/index.html", "out/a.png")]
    ids = annotated.call("POST", "artifacts", {"id": "b", "artifacts": artifacts})["artifact_ids"]
    states = [{"id": id, "state": "finished"} for id in ids]
    annotated.call("PUT", "artifacts", {"build_id": annotated.build["id"], "artifacts": states})
    (html,) = annotated.html_of({"ordinary": ORDINARY})
    rel = 'rel="noopener noreferrer nofollow"'
    report, picture = (f"/local/app/builds/1/artifacts/{id}" for id in ids)
    for part in (
        "<h3>Tests :rocket:</h3>", '<th align="right">time</th>', "<code>a_b</code>", "<strong>1 s</strong>",
        "<details><summary>1 failure</summary>", '<pre><code><span class="term-fg31">expected</span>',
        f'<a href="{report}" {rel}>report</a>', f'<a href="{picture}" {rel}>a picture</a>',
        '<p class="term-fg31">red</p>',
    ):  # fmt: skip
        assert part in html, html


def test_large_and_strange_annotations_are_shown(annotated: Annotated) -> None:
    bodies = {"runs": "*_" * 200_000, "digits": "<p>&#" + "9" * 5000, "line": "~~~" + "a" * 400_000 + "`"}
    runs, digits, line = annotated.html_of(bodies)
    assert text_of(Tree(runs).nodes).count("_") >= 100_000
    assert digits == "<p>\ufffd</p>" and line == "<pre><code></code></pre>"
