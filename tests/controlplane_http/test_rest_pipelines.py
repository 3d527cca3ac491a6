"""Pipelines in the REST API: created with their steps, changed, archived, deleted."""

import os
from typing import Any

import pytest

ALL = "/organizations/local/pipelines"
YAML = """
env:
  A: "1"
steps:
  - label: ":rocket: go"
    command: echo $HOME
    artifact_paths: ["a/*", "b"]
    agents: {queue: q1}
  - wait
  - block: ok?
"""
NEW = {"name": "My App  2", "repository": "/r.git", "configuration": YAML, "cluster_id": "x", "unknown": 1}


def test_a_pipeline_is_created_and_its_builds_run_its_steps(desk: Any) -> None:
    rest = desk.rest()
    status, made, _ = rest.call("POST", ALL, {**NEW, "description": "d", "tags": ["t"], "provider_settings": {}})
    assert (status, made["slug"], made["name"]) == (201, "my-app-2", "My App  2")
    assert (made["configuration"], made["description"], made["tags"]) == (YAML, "d", ["t"])
    assert [step["type"] for step in made["steps"]] == ["script", "waiter", "manual"]
    script = made["steps"][0]
    assert (script["command"], script["artifact_paths"]) == ("echo $HOME", "a/*;b")
    assert rest.call("GET", ALL + "/my-app-2")[1] == made
    rest.call("PATCH", ALL + "/my-app-2", {"configuration": "steps: [{command: one}]"})
    for configuration, command in (("steps: [{command: one}]", "one"), ("steps: [{command: two}]", "two")):
        assert rest.call("PATCH", ALL + "/my-app-2", {"configuration": configuration})[0] == 200
        build = rest.call("POST", ALL + "/my-app-2/builds", {"commit": "HEAD", "branch": "main"})[1]
        assert [job["command"] for job in build["jobs"]] == [command]
    counts = rest.call("GET", ALL + "/my-app-2")[1]
    assert (counts["scheduled_builds_count"], counts["scheduled_jobs_count"], counts["waiting_jobs_count"]) == (2, 2, 0)


def test_what_cannot_be_created(desk: Any) -> None:
    rest = desk.rest()
    assert rest.call("POST", ALL, NEW)[0] == 201
    refusals = {
        "name": ({"repository": "/r", "configuration": YAML}, "missing"),
        "repository": ({"name": "x", "configuration": YAML}, "missing"),
        "slug": ({**NEW, "name": "My app 2"}, "already_exists"),
        "configuration": ({**NEW, "name": "x", "configuration": " "}, "Step configuration is missing, expected"),
        "visibility": ({**NEW, "name": "x", "visibility": "public"}, "is not supported by this server"),
        "steps": ({"name": "x", "repository": "/r", "steps": [{"type": "trigger"}]}, "step 1 must be an object"),
    }
    for field, (body, code) in refusals.items():
        status, answer, _ = rest.call("POST", ALL, body)
        assert (status, answer["message"]) == (422, "Validation Failed"), field
        assert [error["field"] for error in answer["errors"]] == [field]
        assert answer["errors"][0]["code"].startswith(code)
    for configuration in (
        "steps: [",
        "steps: [{command: a, matrix: 1}]",
        "steps: [{command: a, depends_on: a, key: a}]",
    ):
        assert rest.call("POST", ALL, {**NEW, "name": "y", "configuration": configuration})[0] == 422, configuration
    assert [entry["slug"] for entry in rest.call("GET", ALL)[1]] == ["my-app-2"]
    assert rest.call("PATCH", ALL + "/my-app-2", {"slug": "other"})[0] == 422
    assert rest.call("PATCH", ALL + "/nothing", {})[:2] == (404, {"message": "No pipeline found"})


def test_only_branches_that_the_pipeline_builds(desk: Any) -> None:
    rest = desk.rest()
    rest.call("POST", ALL, {**NEW, "branch_configuration": "main release/*"})
    for branch, status in (("main", 201), ("release/1", 201), ("topic", 422)):
        assert rest.call("POST", ALL + "/my-app-2/builds", {"commit": "HEAD", "branch": branch})[0] == status
    ignoring = {"commit": "HEAD", "branch": "topic", "ignore_pipeline_branch_filters": True}
    assert rest.call("POST", ALL + "/my-app-2/builds", ignoring)[0] == 201


def test_an_archived_pipeline_has_no_further_builds(desk: Any) -> None:
    rest = desk.rest()
    rest.call("POST", ALL, NEW)
    assert rest.call("POST", ALL + "/my-app-2/unarchive")[:2] == (422, {"message": "Pipeline could not be unarchived."})
    assert rest.call("POST", ALL + "/my-app-2/archive")[1]["archived_at"]
    assert rest.call("POST", ALL + "/my-app-2/archive")[:2] == (422, {"message": "Pipeline could not be archived."})
    assert rest.call("POST", ALL + "/my-app-2/builds", {"commit": "HEAD", "branch": "main"})[0] == 422
    assert rest.call("POST", ALL + "/my-app-2/unarchive")[1]["archived_at"] is None
    assert rest.call("POST", ALL + "/my-app-2/builds", {"commit": "HEAD", "branch": "main"})[0] == 201


def test_a_deleted_pipeline_leaves_nothing(desk: Any) -> None:
    rest = desk.rest()
    desk.build({"command": "a"}, "wait", {"command": "b"})
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"text")
    status, answer, _ = rest.call("DELETE", ALL + "/demo")
    assert status == 422 and "while it has jobs to run" in answer["message"]
    assert job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "1"})[0] == 200
    rest.call("PUT", ALL + "/demo/builds/1/cancel")
    assert os.listdir(os.path.join(desk.plane.folder, "logs"))
    assert rest.call("DELETE", ALL + "/demo")[0] == 204
    assert rest.call("GET", ALL)[1] == [] and rest.call("GET", "/builds")[1] == []
    assert rest.call("GET", ALL + "/demo")[0] == 404 and not os.listdir(os.path.join(desk.plane.folder, "logs"))
    assert desk.build().number == 1


@pytest.mark.parametrize("body", [{"name": 1}, {"name": "x", "tags": "t"}, [], {"name": "x", "description": {}}])
def test_wrong_types_are_refused(desk: Any, body: Any) -> None:
    assert desk.rest().call("POST", ALL, body)[0] == 400


def test_a_pipeline_is_created_with_steps_in_the_old_form(desk: Any) -> None:
    rest = desk.rest()
    steps = [
        {"type": "script", "name": "s", "command": "echo a", "artifact_paths": "a;b", "agent_query_rules": ["queue=q"],
         "env": {"A": "1"}, "timeout_in_minutes": 3},
        {"type": "waiter"}, {"type": "manual", "label": "go on?"},
    ]  # fmt: skip
    status, created, _ = rest.call("POST", ALL, {"name": "old", "repository": "/r", "steps": steps})
    assert status == 201, created
    for sent, shown in zip(steps, created["steps"]):
        assert {name: shown[name] for name in sent} == sent
    for wrong in ({"type": "script"}, "steps", [[]], [{"type": "script", "command": {}}]):
        answer = rest.call("POST", ALL, {"name": "wrong", "repository": "/r", "steps": wrong})[1]
        assert answer["message"] == "Validation Failed", wrong


def test_two_changes_of_a_pipeline_keep_what_each_names(desk: Any) -> None:
    rest = desk.rest()
    rest.call("POST", ALL, {**NEW, "color": "#fff"})
    assert rest.call("PATCH", ALL + "/my-app-2", {"emoji": ":a:"})[0] == 200
    pipeline = rest.call("PATCH", ALL + "/my-app-2", {"description": "d"})[1]
    assert (pipeline["color"], pipeline["emoji"], pipeline["description"]) == ("#fff", ":a:", "d")
