"""The pages of agents and queues, and the forms of all pages: who may send them, and what they do."""

import re
from typing import Any, Dict, List, Tuple
from urllib.parse import urlencode

import pytest

from bkagent.controlplane.web.ui import agent_pages, pages, queues_page


def shown(desk: Any, path: str, status: int = 200) -> str:
    answered, content, _ = desk.page().call("GET", path, Accept="text/html")
    assert answered == status, content
    return str(content.decode())


def text_of(desk: Any, path: str) -> str:
    """Return the words of a page."""
    return " ".join(re.sub("<[^>]*>", " ", shown(desk, path)).split())


def send(desk: Any, path: str, fields: Any = (), page: str = "/") -> Tuple[int, str, Dict[str, str]]:
    """Send a form of a page with these fields besides its token."""
    (token,) = set(re.findall('name="form_token" value="([0-9a-f]+)"', shown(desk, page)))
    pairs = [("form_token", token), *(fields.items() if isinstance(fields, dict) else fields)]
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    status, content, got = desk.page().call("POST", path, body=urlencode(pairs).encode(), **headers)
    return status, content.decode(), got


def agent_of(desk: Any, name: str) -> Any:
    (agent,) = [agent for agent in desk.plane.sessions.find(states=()) if agent.name == name]
    return agent


def test_the_list_shows_what_agents_are_and_do(desk: Any) -> None:
    desk.build({"command": "x", "label": "The job", "agents": {"queue": "linux"}})
    job_id, _ = desk.running_job(
        desk.registered(name="a1", hostname="h1", version="9.8.7", meta_data=["queue=linux", "os=x"])
    )
    desk.registered(name="a2")
    desk.registered(name="a3")
    desk.plane.sessions.pause(agent_of(desk, "a2").id)
    desk.plane.sessions.stop(agent_of(desk, "a3").id)
    text = text_of(desk, "/-/agents")
    assert "1 connected 1 paused 1 running a job 1 stopping" in text
    assert re.search(
        r"connected a1 h1 9.8.7 queue=linux os=x The job demo #1 \d+ s ago Pause the agent a1 Stop the agent a1", text
    )
    assert re.search(r"paused a2 host 3.137.0 idle \d+ s ago Resume the agent a2 Stop the agent a2", text)
    assert re.search(r"stopping a3 host 3.137.0 idle \d+ s ago$", text), text
    assert f'<a href="/local/demo/builds/1/jobs/{job_id}">The job</a>' in shown(desk, "/-/agents")
    assert "a1" in text_of(desk, "/-/agents?queue=linux") and "a2" not in text_of(desk, "/-/agents?queue=linux")


@pytest.mark.parametrize(
    ("os", "system"),
    [
        ('NAME="X"\nPRETTY_NAME="X Linux 12 (book)"\nID=x\n', "X Linux 12 (book)"),
        ("ID=x\nPRETTY_NAME=X\nNAME=y", "X"),
        ("ID=x PRETTY_NAME", "ID=x PRETTY_NAME"),
    ],
)
def test_the_page_of_an_agent_names_its_system(desk: Any, os: str, system: str) -> None:
    desk.registered(name="a1", os=os, arch="mips")
    assert f"System {system} mips Version" in text_of(desk, f"/-/agents/{agent_of(desk, 'a1').id}")


def test_lost_agents_stay_in_the_list(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = desk.plane.ledger
    for number in range(3):
        desk.registered(name=f"gone-{number}")
        ledger.set_agent(agent_of(desk, f"gone-{number}"), state="lost", lost_at=ledger.clock() - 7200 * (3 - number))
    text = text_of(desk, "/-/agents")
    assert "No agent is connected" in text
    assert re.search("Lost agents .*lost gone-2 host 3.137.0 2 h ago.*lost gone-1 host 3.137.0 4 h ago", text), text
    assert "Stop" not in text and "Pause" not in text
    monkeypatch.setattr(agent_pages, "LOST_COUNT", 2)
    text = text_of(desk, "/-/agents")
    assert "gone-0" not in text and "And 1 more." in text


def test_an_agent_and_its_jobs_lead_to_each_other(desk: Any) -> None:
    desk.build({"command": "x", "label": "The job"})
    job_id, job = desk.running_job(
        desk.registered(name="a1", hostname="h1", os="plan9", arch="mips", meta_data=["os=x"])
    )
    agent = agent_of(desk, "a1")
    path = f"/local/demo/builds/1/jobs/{job_id}"
    assert f'<a href="/-/agents/{agent.id}">a1</a>' in shown(desk, path)
    text = text_of(desk, f"/-/agents/{agent.id}")
    assert "Job The job demo #1 Tags os=x Host h1 System plan9 mips Version 3.137.0 Connected" in text
    assert shown(desk, f"/-/agents/{agent.id}").count(path + '"') == 2
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "3"})
    desk.plane.sessions.disconnect(agent.id)
    page = shown(desk, f"/-/agents/{agent.id}")
    assert "exit status 3" in page and "data-live" not in page and "<button>Stop" not in page
    assert f'<a href="/-/agents/{agent.id}">a1</a>' in shown(desk, path)
    assert "Not found" in shown(desk, "/-/agents/unknown", 404)


def test_forms_pause_resume_and_stop_an_agent(desk: Any) -> None:
    desk.registered(name="a1")
    id = agent_of(desk, "a1").id
    page = f"/-/agents/{id}"
    status, _, headers = send(
        desk, f"{page}/pause", {"note": "new disk", "minutes": "17", "back_to": f"/-/agents#{id}"}, page
    )
    assert status == 303 and headers["location"] == f"/-/agents#{id}"
    paused = agent_of(desk, "a1")
    assert paused.paused and (paused.paused_note, paused.paused_timeout_minutes, paused.paused_by) == (
        "new disk",
        17,
        "bkagent",
    )
    assert "for at most 17 min; by bkagent; new disk" in text_of(desk, page)
    status, _, headers = send(desk, f"{page}/resume", {"back_to": "https://evil.example/"}, page)
    assert status == 303 and headers["location"] == page and not agent_of(desk, "a1").paused
    status, content, _ = send(desk, f"{page}/resume")
    assert status == 422 and "Agent is not paused" in content and "<h1>" in content
    assert send(desk, f"{page}/stop")[0] == 303 and agent_of(desk, "a1").state == "stopping"
    assert send(desk, f"{page}/stop")[0] == 400
    assert send(desk, "/-/agents/unknown/stop")[0] == 404


@pytest.mark.parametrize("minutes", ["0", "-1", "x", "1.5", "9" * 30, "<b>"])
def test_wrong_minutes_pause_nothing(desk: Any, minutes: str) -> None:
    desk.registered(name="a1")
    status, content, _ = send(desk, f"/-/agents/{agent_of(desk, 'a1').id}/pause", {"minutes": minutes})
    assert status == 422 and "the minutes must be a whole number above 0" in content and "<b>" not in content
    assert not agent_of(desk, "a1").paused


def test_a_stop_by_force_cancels_the_build(desk: Any) -> None:
    build = desk.build()
    desk.running_job(desk.registered(name="a1"))
    assert send(desk, f"/-/agents/{agent_of(desk, 'a1').id}/stop", {"force": "true"})[0] == 303
    assert desk.plane.builds.get(build.id).state == "canceling"


def test_forms_need_a_session_and_its_token(desk: Any) -> None:
    desk.registered(name="a1")
    job = desk.plane.jobs.of_build(desk.build({"block": "Go?"}).id)[0]
    paths = [f"/-/agents/{agent_of(desk, 'a1').id}/{action}" for action in ("pause", "stop", "resume")]
    paths.append(f"/local/demo/builds/1/jobs/{job.id}/unblock")
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    bearer = {"Authorization": f"Bearer {desk.plane.tokens.api}"}
    for path in paths:
        assert desk.anyone().call("POST", path, body=b"", **kind)[0] == 401
        assert desk.anyone().call("POST", path, body=b"", **kind, **bearer)[0] == 401
        assert desk.page().call("POST", path, body=b"form_token=" + b"0" * 64, **kind)[0] == 403
    readable = desk.anyone().call("GET", "/-/agents", **bearer)[1].decode()
    assert "a1" in readable and "<form" not in readable
    agent = agent_of(desk, "a1")
    assert (agent.state, agent.paused, desk.plane.jobs.get(job.id).state) == ("connected", False, "blocked")


def test_long_lists_of_agents_have_pages(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_pages, "PER_PAGE", 2)
    for number in range(5):
        desk.registered(name=f"a{number}", meta_data=["queue=x&y"])
    names = [sorted(set(re.findall(r">(a\d)<", shown(desk, f"/-/agents?page={number}")))) for number in (1, 2, 3, 4)]
    assert names == [["a0", "a1"], ["a2", "a3"], ["a4"], []]
    page = shown(desk, "/-/agents?queue=x%26y&page=2")
    assert 'href="/-/agents?queue=x%26y&amp;page=3"' in page and "Page 2 of 3" in page
    id = agent_of(desk, "a2").id
    assert f'name="back_to" value="/-/agents?queue=x%26y&amp;page=2#{id}"' in page


def test_queues_show_what_waits_and_why(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No agent is connected and no job waits" in text_of(desk, "/-/queues")
    desk.registered(name="a1", meta_data=["queue=linux"])
    monkeypatch.setattr(queues_page, "JOBS_COUNT", 2)
    steps: List[Any] = [{"command": "x", "label": f":rocket: L{n}", "agents": {"queue": "mac"}} for n in range(3)]
    desk.build(*steps, "wait", {"command": "y", "agents": {"queue": "mac"}})
    text = text_of(desk, "/-/queues")
    assert "linux 1 agent 0 busy 1 idle" in text and "mac 0 agents 0 busy" in text and "4 waiting" in text
    assert "Waiting in mac 3 for an agent, 1 for other steps" in text and "And 2 more." in text
    assert re.search("\U0001f680 L0 demo #1 no connected agent has queue=mac", text), text
    assert "no connected agent has queue=mac" in text_of(desk, "/local/demo/builds/1")
    job = desk.plane.jobs.of_build(desk.plane.builds.by_number("demo", 1).id)[-1]
    assert "Because waits at a wait step" in text_of(desk, f"/local/demo/builds/1/jobs/{job.id}")


def test_a_large_build_is_shown_in_pages_and_by_state(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.build({"command": "x", "label": "L", "parallelism": 499}, {"command": "y", "label": "Last"})
    first = shown(desk, "/local/demo/builds/1")
    assert first.count("<tr") == 1 + pages.JOBS_PER_PAGE and len(first) < 120_000
    assert "All 500" in first and "500 scheduled" in first and "Page 1 of 3" in first
    last = shown(desk, "/local/demo/builds/1?page=3")
    assert last.count("<tr") == 1 + 100 and "Last" in last
    job_id, job = desk.running_job()
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "1"})
    failed = shown(desk, "/local/demo/builds/1?state=failed")
    assert failed.count("<tr") == 2 and "exit status 1" in failed and "499 scheduled" in failed
    assert "No job has this state" in shown(desk, "/local/demo/builds/1?state=%3Cb%3E")


BLOCK = {
    "block": "Release?", "prompt": "Really?", "submit": "Ship",
    "fields": [
        {"text": "Version", "key": "version", "format": "[0-9.]+"},
        {"text": "Notes", "key": "notes", "required": False},
        {"select": "Stream", "key": "stream", "options": [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]},
        {"select": "Regions", "key": "regions", "multiple": True,
         "options": [{"label": name, "value": name} for name in ("eu", "us", "as")]},
    ],
}  # fmt: skip


def test_a_build_is_unblocked_by_a_form(desk: Any) -> None:
    build = desk.build(BLOCK, {"command": "x"})
    job = desk.plane.jobs.of_build(build.id)[0]
    page, path = "/local/demo/builds/1", f"/local/demo/builds/1/jobs/{job.id}/unblock"
    text = text_of(desk, page)
    assert "Release? Really? Version" in text and "Notes (optional)" in text and "Ship" in text
    answers = [
        ("answer-0", "1.2"),
        ("answer-1", "one\r\ntwo"),
        ("answer-2", "b"),
        ("answer-3", "eu"),
        ("answer-3", "as"),
    ]
    for wrong, reason in ((("answer-0", "<i>"), "does not have the format"), (("answer-2", "<i>"), "is not an option")):
        fields = [wrong if name == wrong[0] else (name, value) for name, value in answers]
        status, content, _ = send(desk, path, fields, page)
        assert status == 422 and reason in content and 'role="alert"' in content and "<i>" not in content
        assert ">\none\ntwo</textarea>" in content and content.count(" checked>") == 2
    assert send(desk, path, (), page)[0] == 422 and desk.plane.jobs.get(job.id).state == "blocked"
    status, _, headers = send(desk, path, answers, page)
    assert status == 303 and headers["location"] == page
    assert desk.plane.builds.get(build.id).meta_data == {
        "version": "1.2",
        "notes": "one\ntwo",
        "stream": "b",
        "regions": "eu\nas",
    }
    assert desk.plane.jobs.get(job.id).unblocked_by == "bkagent"
    status, content, _ = send(desk, path, answers, page)
    assert status == 422 and "only a blocked one can be unblocked" in content
    script = desk.plane.jobs.of_build(build.id)[1]
    assert send(desk, f"/local/demo/builds/1/jobs/{script.id}/unblock", answers, page)[0] == 400
    assert send(desk, f"/local/demo/builds/2/jobs/{job.id}/unblock", answers, page)[0] == 404


def test_headings_of_annotations_stand_below_those_of_the_page(desk: Any) -> None:
    build = desk.build()
    for number, text in enumerate(("# A\n\n### B\n\n# C", "###### D\n\n## E")):
        desk.plane.annotations.annotate(build.id, body=text, context=str(number))
    page = shown(desk, "/local/demo/builds/1")
    assert re.findall(r"<h(\d)>([A-E])</h(\d)>", page) == [
        ("3", "A", "3"), ("4", "B", "4"), ("3", "C", "3"), ("3", "D", "3"), ("3", "E", "3"),
    ]  # fmt: skip
