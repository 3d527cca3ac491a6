"""Jobs on a site of one's own: server, agent and builds, each a process from the archive, seen over the REST API."""

import json
import signal
from pathlib import Path
from typing import Iterator

import pytest

from tests.whole.running import Repository, wait_until
from tests.whole.site import Site

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def site(archive: str, tmp_path: Path) -> Iterator[Site]:
    with Site(archive, tmp_path) as running:
        yield running


@pytest.fixture
def work(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "app", files={"greeting": "hello from the repository\n"})


def test_jobs_that_pass_and_fail(site: Site, work: Repository) -> None:
    agent = site.agent("--name", "the-agent", "--tags", "queue=default,os=test")
    made = site.create(
        "steps: [{label: good, command: cat greeting}, {label: bad, command: 'echo before; exit 42'}]", repository=work
    )
    assert made.status == 0 and made.out == f"Build 1: {site.url}/local/app/builds/1\n", made.text
    build = site.ended()
    assert build["state"] == "failed" and build["commit"] in ("HEAD", work.git("rev-parse", "HEAD"))
    jobs = site.jobs()
    assert (jobs["good"]["state"], jobs["good"]["exit_status"]) == ("passed", 0)
    assert (jobs["bad"]["state"], jobs["bad"]["exit_status"]) == ("failed", 42)
    assert "\nhello from the repository\n" in site.log("good") and "\nbefore\n" in site.log("bad")
    assert "exited with status 42" in site.log("bad")
    (listed,) = site.rest("/agents")
    assert (listed["name"], listed["connection_state"]) == ("the-agent", "connected")
    assert "os=test" in listed["meta_data"]
    assert [one["number"] for one in site.rest("/builds")] == [1]
    assert agent.end() == 0, agent.said
    assert site.server.end() == 0, site.server.said


def test_a_job_is_cancelled_over_rest(site: Site, work: Repository) -> None:
    site.agent()
    site.create(
        "steps:\n  - label: long\n    command: |\n"
        "      trap 'echo asked-$$((1+1)); exit 5' TERM; echo ready-$$((1+1)); while :; do sleep 0.05; done\n"
        "  - wait\n  - {label: after, command: echo never}\n",
        repository=work,
    )  # fmt: skip
    assert wait_until(lambda: "ready-2" in (site.log("long") if site.jobs() else ""))
    assert site.rest("/pipelines/app/builds/1/cancel", "PUT")["state"] in ("canceling", "canceled")
    assert site.ended()["state"] == "canceled"
    jobs = site.jobs()
    assert jobs["long"]["state"] == "canceled" and jobs["after"]["state"] not in ("passed", "running")
    assert "asked-2" in site.log("long")


def test_jobs_share_artifacts_meta_data_and_annotations(site: Site, work: Repository) -> None:
    site.agent("--spawn", "2")
    site.create(
        """steps:
  - label: give
    key: give
    command:
      - mkdir out && head -c 300000 /dev/urandom > out/noise.bin
      - buildkite-agent artifact upload out/noise.bin
      - buildkite-agent meta-data set sum "$$(cksum < out/noise.bin)"
      - buildkite-agent annotate 'all **well**' --style success --context state
  - label: take
    depends_on: give
    command:
      - rm -rf out; buildkite-agent artifact download out/noise.bin .
      - test "$$(cksum < out/noise.bin)" = "$$(buildkite-agent meta-data get sum)"
      - buildkite-agent meta-data exists nothing || echo absent-$$?
      - buildkite-agent meta-data get nothing --default fallback
""",
        repository=work,
    )
    build = site.ended()
    assert build["state"] == "passed", site.log("give") + site.log("take")
    assert "\nabsent-100\n" in site.log("take") and site.log("take").endswith("\nfallback")
    assert build["meta_data"]["sum"].endswith(" 300000")
    (artifact,) = site.rest("/pipelines/app/builds/1/artifacts")
    assert (artifact["path"], artifact["file_size"], artifact["state"]) == ("out/noise.bin", 300000, "finished")
    (note,) = site.rest("/pipelines/app/builds/1/annotations")
    assert (note["context"], note["style"]) == ("state", "success") and "<strong>well</strong>" in note["body_html"]


def test_a_job_uploads_a_pipeline_that_adds_steps(site: Site, work: Repository) -> None:
    site.agent()
    site.create(
        "steps:\n  - label: start\n    command: |\n"
        "      printf 'steps:\\n  - {label: \"added %s\", command: echo from-$$$$((2+3))}\\n' $$BUILDKITE_BRANCH"
        " | buildkite-agent pipeline upload\n  - wait\n  - {label: end, command: 'true'}\n",
        "--branch", "main", repository=work,
    )  # fmt: skip
    assert site.ended()["state"] == "passed", site.log("start")
    assert set(site.jobs()) == {"start", "added main", "end"}
    assert "from-5" in site.log("added main")


def test_pages_show_hostile_text_as_text(site: Site, work: Repository) -> None:
    site.agent("--name", "x-" + EVIL.replace(" ", "-"))
    work.write("evil", EVIL)
    work.git("add", "-A")
    work.git("commit", "-q", "-m", EVIL)
    site.create(
        f"steps: [{{label: '{EVIL}', command: ['cat evil', 'buildkite-agent annotate < evil']}}]",
        "--message", EVIL, repository=work,
    )  # fmt: skip
    assert site.ended()["state"] == "passed"
    (job,) = site.jobs().values()
    assert EVIL in site.log(EVIL)
    shown = {path: site.page(path) for path in (
        "/", "/local/app", "/local/app/builds/1", f"/local/app/builds/1/jobs/{job['id']}", "/-/agents",
    )}  # fmt: skip
    for path, (status, text) in shown.items():
        assert status == 200 and "<script>alert" not in text and "<img" not in text, path
    assert "&lt;script&gt;alert(1)" in shown["/local/app/builds/1"][1]
    assert "&lt;script&gt;alert(1)" in shown[f"/local/app/builds/1/jobs/{job['id']}"][1]


def test_a_build_waits_for_the_server_and_an_agent_that_suits(site: Site, work: Repository) -> None:
    site.create("steps: [{label: picky, command: 'true', agents: {queue: special}}]", repository=work)
    site.agent("--tags", "queue=other")
    site.create("steps: [{label: easy, command: 'true', agents: {queue: other}}]", repository=work)
    assert site.ended(2)["state"] == "passed" and site.jobs()["picky"]["state"] == "scheduled"
    site.agent("--queue", "special")
    assert site.ended(1)["state"] == "passed"


def test_a_server_that_is_killed_and_started_again_goes_on(archive: str, tmp_path: Path, work: Repository) -> None:
    with Site(archive, tmp_path) as site:
        port = site.url.rpartition(":")[2]
        agent = site.agent()
        site.create(
            "steps: [{label: long, command: 'echo begin-$$((1+1)); until test -e \"$$GO\"; do sleep 0.02; done;"
            " seq 2000; echo end-$$((1+1))'}]",
            "--env", f"GO={tmp_path / 'go'}", repository=work,
        )  # fmt: skip
        assert wait_until(lambda: "begin-2" in (site.log("long") if site.jobs() else "")), agent.said
        site.server.signal(signal.SIGKILL)
        site.server.wait()
        (tmp_path / "go").touch()
        site.restart(f"127.0.0.1:{port}")
        assert site.ended()["state"] == "passed", agent.said
        log = site.log("long")
        assert log[log.index("\nbegin-2\n") :].split()[:2002] == [
            "begin-2", *(str(number) for number in range(1, 2001)), "end-2",
        ]  # fmt: skip


def test_an_agent_that_is_told_to_leave_is_shown_as_stopping_while_its_job_ends(site: Site, work: Repository) -> None:
    agent = site.agent("--name", "leaver")
    go = site.folder / "go"
    command = f'until [ -e "{go}" ]; do sleep 0.05; done'
    assert site.create(json.dumps({"steps": [{"label": "slow", "command": command}]}), repository=work).status == 0
    assert wait_until(lambda: site.jobs()["slow"]["state"] == "running")
    agent.signal(signal.SIGTERM)
    assert wait_until(lambda: [one["connection_state"] for one in site.rest("/agents")] == ["stopping"]), agent.said
    assert "stopping" in site.page("/-/agents")[1]
    go.touch()
    assert site.ended()["state"] == "passed"
    assert agent.wait() == 0
    assert site.rest("/agents") == []
