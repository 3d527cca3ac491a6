"""The pages: they show what is, to those who may see it, and nothing that a job says becomes part of them."""

import http.client
import json
import re
from html.parser import HTMLParser
from typing import Any, List, Optional, Tuple

import pytest

from bkagent.controlplane.records import NewBuild

FORM_PATHS = (
    "/-/logout|/-/agents/[0-9a-f-]{36}/(stop|pause|resume)|/local/demo/builds/[0-9]+/jobs/[0-9a-f-]{36}/unblock"
)
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{evil}{{0}}%s</title>"


class Elements(HTMLParser):
    """Collects the elements of a page, and fails on what no page of ours holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: List[Tuple[str, List[Tuple[str, Optional[str]]]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: List[Tuple[str, Optional[str]]]) -> None:
        self.elements.append((tag, attrs))
        assert tag not in ("iframe", "object", "embed", "style", "img", "base")
        if tag == "form":
            assert [name for name, _ in attrs] == ["method", "action"] and attrs[0][1] == "post"
            assert re.fullmatch(FORM_PATHS, attrs[1][1] or ""), attrs
        for name, value in attrs:
            assert not name.startswith("on") and name != "style"
            if tag == "script":
                assert (name, value) in (("src", "/-/live.js"), ("defer", None))
            if name in ("href", "src"):
                assert value and ":" not in value.partition("/")[0]  # of this server, whatever the path

    def handle_comment(self, data: str) -> None:
        raise AssertionError("a comment")


def evil_fields() -> List[Any]:
    options = [{"label": EVIL, "value": EVIL}]
    kinds: Tuple[Any, ...] = ({"text": EVIL}, {"select": EVIL, "options": options})
    return [
        {"key": f"k{number}", "hint": EVIL, "default": EVIL, **kind}
        for number, kind in enumerate((*kinds, {**kinds[1], "multiple": True, "default": [EVIL]}))
    ]


def page_of(desk: Any, path: str, **headers: str) -> str:
    status, content, got = desk.page().call("GET", path, **headers)
    assert status == 200, content
    assert "script-src 'self'" in got["content-security-policy"] and "unsafe" not in got["content-security-policy"]
    assert got["x-content-type-options"] == "nosniff"
    text = content.decode()
    Elements(text)
    return text


def test_pages_show_what_is(desk: Any) -> None:
    assert "No builds yet" in page_of(desk, "/")
    desk.build(
        {"command": "echo", "label": ":rocket: Say :nothing_known: hello"},
        "wait",
        {"command": "x"},
        message="The message\nmore",
    )
    job_id, job = desk.running_job(desk.registered(name="the-agent"))
    desk.log(job, job_id, 1, 0, b"--- :rocket: first :x:\r\n:x: line\r\n+++ second\r\n\x1b[32mgreen\x1b[0m\r\n")
    job.call("POST", f"/jobs/{job_id}/annotations", {"body": "look **here**", "style": "warning"})
    assert "The message" in page_of(desk, "/") and "demo #1" in page_of(desk, "/local/demo")
    build = page_of(desk, "/local/demo/builds/1")
    assert (
        "\U0001f680 Say :nothing_known: hello" in build
        and "running" in build
        and "look <strong>here</strong>" in build
        and "note warning" in build
    )
    shown = page_of(desk, f"/local/demo/builds/1/jobs/{job_id}")
    assert "--- \U0001f680 first \u274c" in shown and ":x: line" in shown
    assert "<details open>" in shown and '<span class="term-fg32">green</span>' in shown
    assert "the-agent" in page_of(desk, "/-/agents")
    assert desk.page().call("GET", f"/local/demo/builds/1/jobs/{job_id}/log.txt")[1].startswith(b"--- :rocket:")


def test_a_build_says_whom_it_does_not_notify(desk: Any) -> None:
    document = {"steps": [{"command": "true", "key": "a"}], "notify": [{"email": "a@b.c"}, "github_check"]}
    build = desk.plane.builds.create(NewBuild("demo", document, repository="/r"))
    job_id, job = desk.running_job()
    slack = {"group": "G<b>", "notify": [{"slack": "#x"}], "steps": [{"command": "b", "notify": [{"slack": "#y"}]}]}
    path = f"/jobs/{job_id}/pipelines?async=true"
    assert job.call("POST", path, {"uuid": "u", "pipeline": {"steps": [slack]}})[0] == 200
    wrong = {"steps": [{"command": "c", "notify": [{"pigeon": "home"}]}]}
    status, answer, _ = job.call("POST", path, {"uuid": "v", "pipeline": wrong})
    assert status == 422 and answer["message"].startswith("step 1: notify must hold") and "pigeon" in answer["message"]
    text = desk.page().call("GET", f"/local/demo/builds/{build.number}")[1].decode()
    for place in ("the build: notify (email, github_check)", "step 1 (&quot;G&lt;b&gt;&quot;): notify (slack)"):
        assert place + " is ignored; this control plane sends no notifications" in text
    assert text.count("this control plane sends no notifications") == 3


def test_nothing_a_job_says_becomes_part_of_a_page(desk: Any) -> None:
    desk.build(
        {"group": EVIL, "key": "g", "steps": [{"command": EVIL, "label": EVIL, "key": "k", "agents": {"queue": EVIL}}]},
        {"block": EVIL, "prompt": EVIL, "depends_on": [], "fields": evil_fields()},
        {"command": EVIL, "agents": {"queue": EVIL, EVIL: EVIL}, "label": EVIL},
        branch=EVIL, commit=EVIL, message=EVIL, author={"name": EVIL, "email": EVIL},
    )  # fmt: skip
    agent = desk.registered(name=EVIL, hostname=EVIL, version=EVIL, meta_data=["queue=" + EVIL])
    job_id, job = desk.running_job(agent)
    log = f"+++ {EVIL}\n{EVIL}\n\x1b]8;;javascript:alert(1)\x07{EVIL}\x1b]8;;\x07\n\x1b[31m{EVIL}\x1b_bk;t=1\x07\n"
    desk.log(job, job_id, 1, 0, log.encode())
    for scope in ("build", "job"):
        job.call("POST", f"/jobs/{job_id}/annotations", {"body": EVIL, "scope": scope, "context": EVIL})
    entry = {
        "path": EVIL,
        "file_size": 1,
        "url": "javascript:alert(1)",
        "upload_destination": EVIL,
        "content_type": EVIL,
    }
    answer = job.call("POST", f"/jobs/{job_id}/artifacts", {"id": "b", "artifacts": [entry]})[1]
    desk.plane.artifacts.update(job_id, {answer["artifact_ids"][0]: "finished"})
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "1", "signal": EVIL, "signal_reason": EVIL})
    (agent_id,) = (agent.id for agent in desk.plane.sessions.find())
    pages = ("/", "/local/demo", "/local/demo/builds/1", f"/local/demo/builds/1/jobs/{job_id}")
    for path in (*pages, "/-/agents", f"/-/agents/{agent_id}", "/-/queues"):
        text = page_of(desk, path)
        assert "<script>alert" not in text and "<img" not in text, path


def test_errors_are_pages_for_browsers_and_json_for_others(desk: Any) -> None:
    for path in ("/nowhere", "/local/nothing", "/local/demo/builds/7", "/local/demo/builds/x", "/%3Cscript%3E"):
        status, content, headers = desk.page().call("GET", path, Accept="text/html,*/*")
        assert status == 404 and headers["content-type"].startswith("text/html")
        Elements(content.decode())
        assert list(desk.page().call("GET", path)[1]) == ["message"]


def test_only_the_end_of_a_long_log_is_shown(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from bkagent.controlplane.web.ui import log_view

    monkeypatch.setattr(log_view, "SHOWN_BYTES", 1000)
    desk.build()
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"".join(b"line %05d\n" % number for number in range(1000)))
    text = page_of(desk, f"/local/demo/builds/1/jobs/{job_id}")
    assert "line 00999" in text and "line 00800" not in text and "are not shown here" in text
    assert re.search(r'id="L1">line \d{5}</div>', text)


class Events:
    """A reader of server-sent events."""

    def __init__(self, desk: Any, path: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", desk.port, timeout=20)
        self.connection.request("GET", path, headers={"Cookie": desk.page().cookie})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200 and self.answer.getheader("Content-Type") == "text/event-stream"
        assert self.answer.readline() == b"retry: 2000\n"  # what happens from now on is told

    def next(self) -> Tuple[str, Any]:
        name, heartbeats_count = "", 0
        while True:
            line = self.answer.readline().decode().rstrip("\n")
            heartbeats_count += line == ": still here"
            assert heartbeats_count < 4, "no event within a minute"
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                return name, json.loads(line[6:])


def live_path(text: str) -> str:
    match = re.search(r'data-live="([^"]*)"', text)
    assert match
    return match[1].replace("&amp;", "&")


def test_a_log_is_followed_live(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    desk.log(job, job_id, 1, 0, b"one\r\n50%")
    text = page_of(desk, f"/local/demo/builds/1/jobs/{job_id}")
    shown: List[Any] = re.findall(r'class="line" id="L\d+">([^<]*)<', text)
    assert shown == ["one", "50%"]
    events = Events(desk, live_path(text))
    sent, offset = [b"\r100% <b>\r\n", b"--- group\r\n\x1b[3", b"1mred\r\n"], 8
    for number, data in enumerate(sent):
        desk.log(job, job_id, number + 2, offset, data)
        offset += len(data)
        name, change = events.next()
        assert name == "lines"
        shown[change["from"] :] = [html for _, html in change["lines"]]
    assert shown[:3] == ["one", "100% &lt;b&gt;", "--- group"] and shown[3] == '<span class="term-fg31">red</span>'
    job.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0"})
    assert events.next() == ("ended", {})
    assert events.answer.read().strip() == b""
    assert "data-live" not in page_of(desk, f"/local/demo/builds/1/jobs/{job_id}")


@pytest.mark.raced
def test_a_build_says_that_it_has_changed(desk: Any) -> None:
    desk.build()
    agent = desk.registered()
    events = Events(desk, live_path(page_of(desk, "/local/demo/builds/1")))
    everything = Events(desk, live_path(page_of(desk, "/")))
    desk.running_job(agent)
    assert events.next() == ("changed", {})
    assert everything.next() == ("changed", {})


def test_a_page_hears_of_what_has_changed_since_it_was_rendered(desk: Any) -> None:
    desk.build()
    desk.build()
    agent = desk.registered()
    builds = [live_path(page_of(desk, f"/local/demo/builds/{number}")) for number in (1, 2)]
    paths = [builds[0], *(live_path(page_of(desk, path)) for path in ("/", "/-/agents"))]
    desk.running_job(agent)  # of the first build
    events = [Events(desk, path) for path in paths]
    assert [reader.next() for reader in events] == [("changed", {})] * 3
    unchanged = [Events(desk, builds[1]), Events(desk, live_path(page_of(desk, "/")))]
    desk.server.stop()
    assert all(b"changed" not in reader.answer.read() for reader in unchanged)


@pytest.mark.parametrize(("since", "events_count"), [("1", 1), ("99999999999999999999", 1), ("", 0)])
def test_a_page_of_another_server_is_outdated(desk: Any, since: str, events_count: int) -> None:
    desk.build()
    reader = Events(desk, f"/-/live?since={since}")
    desk.server.stop()
    assert reader.answer.read().count(b"event: changed") == events_count


def test_live_pages_end_with_the_server(desk: Any) -> None:
    desk.build()
    job_id, _ = desk.running_job()
    readers = [Events(desk, f"/local/demo/builds/1/jobs/{job_id}/live?start=0&offset=0"), Events(desk, "/-/live")]
    desk.server.stop()
    assert all(reader.answer.read() is not None for reader in readers)


@pytest.mark.parametrize("query", ["start=x&offset=0", "start=-1&offset=0", "start=0&offset=99999999999999999999"])
def test_bad_places_in_a_log_are_refused(desk: Any, query: str) -> None:
    desk.build()
    job_id, _ = desk.running_job()
    assert desk.page().call("GET", f"/local/demo/builds/1/jobs/{job_id}/live?{query}")[0] == 400


def test_a_bad_revision_is_refused(desk: Any) -> None:
    desk.build()
    for path in ("/-/live", "/local/demo/builds/1/live"):
        assert desk.page().call("GET", f"{path}?since=-1")[0] == 400


def test_the_style_sheet_and_the_script_are_served(desk: Any) -> None:
    status, style, headers = desk.anyone().call("GET", "/-/style.css")
    assert status == 200 and headers["content-type"] == "text/css" and b".term-fgx255{" in style
    status, script, headers = desk.anyone().call("GET", "/-/live.js")
    assert headers["content-type"].startswith("text/javascript") and b"EventSource" in script


def test_annotations_link_to_artifacts_and_show_terminal_output(desk: Any) -> None:
    desk.build()
    job_id, job = desk.running_job()
    entry = {"path": "out/a.txt", "file_size": 0}
    (artifact_id,) = job.call("POST", f"/jobs/{job_id}/artifacts", {"id": "b", "artifacts": [entry]})[1]["artifact_ids"]
    desk.plane.artifacts.store(artifact_id, lambda size: b"")
    desk.plane.artifacts.update(job_id, {artifact_id: "finished"})
    text = "[a](artifact://out/a.txt) [b](artifact://nothing)\n\n```term\n\x1b[31mred <b>\x1b[0m\n```"
    job.call("POST", f"/jobs/{job_id}/annotations", {"body": text})
    shown = page_of(desk, "/local/demo/builds/1")
    assert f'href="/local/demo/builds/1/artifacts/{artifact_id}"' in shown and "artifact://" not in shown
    assert '<span class="term-fg31">red &lt;b&gt;</span>' in shown


def test_a_page_takes_only_so_much_of_annotations(desk: Any) -> None:
    build = desk.build()
    for number in range(4):
        desk.plane.annotations.annotate(build.id, body="x" * 1_000_000, context=str(number))
    shown = page_of(desk, "/local/demo/builds/1")
    assert shown.count("too long for this page") == 2 and len(shown) < 3_000_000


def test_a_job_says_that_it_has_begun(desk: Any) -> None:
    build = desk.build()
    job = desk.plane.jobs.of_build(build.id)[0]
    path = live_path(page_of(desk, f"/local/demo/builds/1/jobs/{job.id}"))
    early = Events(desk, path)
    desk.running_job()
    assert early.next() == ("changed", {})
    assert Events(desk, path).next() == ("changed", {})  # it had begun before the page began to listen
