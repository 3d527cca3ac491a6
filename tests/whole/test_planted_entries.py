"""What a job puts into the spool, under its own id or another: it decides nothing, holds nothing up, and is named.

Jobs run as the user of their agent, so they can write there; see docs/security.md for what that can never prevent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Dict, Iterator

import pytest

from bkagent.spool import directory
from bkagent.spool.job_entry import attach
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.control_plane import FakeControlPlane, FakeJob
from tests.whole.running import Start, bkagent, wait_until

RAN = "\nran-2\n"
COMMAND = "echo ran-$((1+1)); exit 7"

# Run by a job: plants an entry of a form for each of the ids, from what it finds in its own entry.
PLANT = """
import fcntl, json, os, subprocess, sys
own = os.path.dirname(os.environ["BUILDKITE_ENV_FILE"])
spool, elsewhere = os.path.dirname(own), sys.argv[1]
job = json.load(open(os.path.join(own, "job.json")))
RESULT = json.dumps({"exit_status": 0, "signal": "", "signal_reason": "", "finished_at": "2026-01-01T00:00:00Z"})

def fill(folder, job_id, **changes):
    os.makedirs(folder)
    for name, text in {"job.json": json.dumps({**job, "job_id": job_id, **changes}), "result.json": RESULT,
                       "pid": "1\\n", "log": "planted\\n", "chunks": "", "alive": "", "owner": ""}.items():
        open(os.path.join(folder, name), "w").write(text)
    return folder

for form, job_id in json.loads(sys.argv[2]).items():
    at = os.path.join(spool, job_id)
    if form == "a file":
        open(at, "w").write("planted")
    elif form == "a link to a folder":
        os.symlink(fill(os.path.join(elsewhere, form), job_id), at)
    elif form == "an older entry":
        fill(at, job_id, agent_token=job["token"], agent_endpoint=job["endpoint"])
    elif form == "with a session":
        fill(at, job_id)
        os.makedirs(os.path.join(spool, "..", "sessions"), exist_ok=True)
        open(os.path.join(spool, "..", "sessions", job_id), "w").write(json.dumps({**job, "job_id": job_id}))
    elif form == "without a job":
        fill(at, job_id)
        os.unlink(os.path.join(at, "job.json"))
        os.mkdir(os.path.join(at, "job.json"))
    elif form == "held":
        fill(at, job_id)
        hold = "import fcntl, sys, time; files = [open(path) for path in sys.argv[1:]]"
        hold += "; [fcntl.flock(file, fcntl.LOCK_EX) for file in files]; print('holds', flush=True); time.sleep(600)"
        paths = [os.path.join(at, name) for name in ("alive", "owner")]
        child = subprocess.Popen([sys.executable, "-c", hold, *paths], stdout=subprocess.PIPE, start_new_session=True)
        child.stdout.readline()
        open(os.path.join(elsewhere, "holder"), "w").write(str(child.pid))
    else:
        fill(at, job_id)
        name, kind = form.split()
        if kind != "mine":
            os.unlink(os.path.join(at, name))
        if kind == "fifo":
            os.mkfifo(os.path.join(at, name))
        elif kind == "link":
            os.symlink(os.path.join(elsewhere, "precious"), os.path.join(at, name))
        elif kind == "nested":
            open(os.path.join(at, name), "w").write("[" * 50000)
"""
FORMS = (
    "job.json mine", "an older entry", "with a session", "a file", "a link to a folder", "without a job", "held",
    "job.json fifo", "job.json link", "job.json nested", "log fifo", "log link", "result.json fifo",
    "result.json nested", "alive fifo", "owner link", "pid link", "chunks fifo",
)  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Dict[str, str]]:
    """Ids of jobs to come, by the form of what is put there before them."""
    (tmp_path / "plant.py").write_text(PLANT)
    (tmp_path / "precious").write_text("of value\n")
    yield {form: str(uuid.uuid4()) for form in FORMS}
    if (tmp_path / "holder").exists():
        try:
            os.kill(int((tmp_path / "holder").read_text()), 9)
        except ProcessLookupError:
            pass


def plant(plane: FakeControlPlane, folder: Path, ids: Dict[str, str]) -> FakeJob:
    (folder / "ids.json").write_text(json.dumps(ids))
    return plane.add_job(f'{sys.executable} {folder}/plant.py {folder} "$(cat {folder}/ids.json)"')


def state_of(agent: AgentProcess) -> Path:
    return agent.root / ".buildkite-agent" / "bkagent"


def test_a_job_runs_whatever_an_earlier_one_has_put_under_its_id(
    plane: FakeControlPlane, start: Start, tmp_path: Path, planted: Dict[str, str]
) -> None:
    planter = plant(plane, tmp_path, planted)
    jobs = {form: plane.add_job(COMMAND, env={"BUILDKITE_JOB_ID": job_id}) for form, job_id in planted.items()}
    agent = start()
    assert plane.wait_for(lambda: all(job.finishes for job in jobs.values())), agent.said
    assert planter.finish["exit_status"] == "0", planter.text
    passed = {form: (job.finish["exit_status"], RAN in job.text, job.problems) for form, job in jobs.items()}
    assert passed == {form: ("7", True, []) for form in FORMS}
    kept = {path.name for path in (state_of(agent) / "kept").iterdir()}
    for form, job_id in planted.items():
        assert job_id in kept, form
        assert f"under the id of job {job_id} is not its entry" in agent.said, form
        assert "not its entry" in (state_of(agent) / "kept" / job_id / "reason").read_text(), form
    assert (tmp_path / "precious").read_text() == "of value\n"
    assert wait_until(lambda: agent.spool == []), agent.spool


def test_an_entry_of_no_session_is_moved_away_and_sends_no_request(
    archive: str, plane: FakeControlPlane, start: Start, tmp_path: Path, planted: Dict[str, str]
) -> None:
    """An agent that starts finds entries that name a server of the attacker, and one of every other form."""
    with FakeControlPlane() as attacker:
        planter = plant(plane, tmp_path, planted)
        agent = start("--disconnect-after-job")
        assert agent.wait() == 0, agent.said
        assert planter.finish["exit_status"] == "0", planter.text
        folder = state_of(agent) / "spool"
        for form in ("job.json mine", "with a session", "held", "an older entry"):
            path = folder / planted[form] / "job.json"
            path.write_text(path.read_text().replace(plane.endpoint, attacker.endpoint))
        environ = clean_environment(agent.root)
        listed = json.loads(bkagent(archive, "spool", "list", "--json", cwd=tmp_path, env=environ).out)
        foreign = {job["job_id"] for job in listed if job["state"] == "foreign"}
        unclear = ("an older entry", "with a session", "job.json nested")
        assert foreign == {job_id for form, job_id in planted.items() if form not in unclear}
        export = bkagent(archive, "spool", "export", planted["log link"], cwd=tmp_path, env=environ)
        assert export.status == 1 and "not a regular file" in export.err and "of value" not in export.text
        again = start()
        job = plane.add_job("echo hello")
        assert job.wait_finished(), again.said
        # What says that its process runs is left to it; the older entry is its control plane's to refuse.
        assert wait_until(lambda: set(again.spool) <= {planted["held"]}), again.said
        assert "is ignored" in again.said
        kept = {path.name for path in (state_of(again) / "kept").iterdir()}
        assert kept == set(planted.values()) - {planted["held"]}
        # An entry of the release before is delivered where it says, with what it has: nothing of this agent goes there.
        own = {planted["an older entry"]}
        assert {request.path.split("/")[1] for request in attacker.requests if "jobs" in request.path} == own
        sent = plane.requests + attacker.requests
        tokens = {request.token for request in sent if request.token.startswith(("jt-", "at-"))}
        known = {"at-" + session for session in plane.sessions} | {planter.token, job.token}
        assert {request.token for request in attacker.requests} == {planter.token} and tokens == known


@pytest.mark.parametrize("names", [["heartbeat", "cancel", "headers"], ["log", "chunks", "wake", "pid"]])
@pytest.mark.parametrize("kind", ["fifo", "link"])
def test_a_job_that_spoils_its_own_entry_holds_up_no_other_job(
    plane: FakeControlPlane, start: Start, tmp_path: Path, names: "list[str]", kind: str
) -> None:
    (tmp_path / "precious").write_text("of value\n")
    put = "mkfifo" if kind == "fifo" else f"ln -s {tmp_path}/precious"
    # By a rename, since the agent makes some of them again when they are missing.
    spoil = "; ".join(f'{put} "$E/odd"; mv -f "$E/odd" "$E/{name}"' for name in names)
    plane.heartbeat_interval = 0.1
    spoilt, go = tmp_path / "spoilt", tmp_path / "go"
    wait = f"touch {spoilt}; until [ -e {go} ]; do sleep 0.02; done; exit 3"
    job = plane.add_job(f'E=$(dirname "$BUILDKITE_ENV_FILE"); {spoil}; {wait}')
    after = plane.add_job("echo after")
    agent = start()
    assert wait_until(spoilt.exists), agent.said
    (session,) = plane.sessions.values()
    beats = session["beats"]
    assert plane.wait_for(lambda: session["beats"] > beats + 2), agent.said
    go.touch()
    assert after.wait_finished(), agent.said
    assert job.finish["exit_status"] in ("3", "-1") and after.finish["exit_status"] == "0"
    assert (tmp_path / "precious").read_text() == "of value\n" and "of value" not in job.text


@pytest.mark.parametrize("form", ["allow-list", "hook", "signature", "nothing"])
@pytest.mark.parametrize("has_ended", [False, True])
def test_a_job_that_is_handed_out_again_is_checked_again(
    plane: FakeControlPlane, start: Start, tmp_path: Path, form: str, has_ended: bool
) -> None:
    """Its entry is genuine, down to the token; that it began once says nothing of what this agent allows."""
    job_id, hooks = str(uuid.uuid4()), tmp_path / "hooks"
    hooks.mkdir()
    flags = ["--allowed-repositories", "^good"] if form == "allow-list" else []
    if form == "hook":
        (hooks / "pre-bootstrap").write_text("#!/bin/sh\nexit 1\n")
        (hooks / "pre-bootstrap").chmod(0o755)
        flags = ["--hooks-path", str(hooks)]
    agent = start(*flags)
    assert agent.wait_said("Waiting for instructions"), agent.said
    entry = directory.create(str(state_of(agent) / "spool"), JobManifest(job_id, plane.endpoint, "jt-" + job_id))
    side = attach(entry.folder)
    side.append(b"printed before\n")
    process = None
    if has_ended:
        side.finish(Result(0, finished_at="2026-01-01T00:00:00Z"))
    side.close()
    if not has_ended:  # what runs is a process that holds the entry, and says that it is the one
        hold = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True)"
        argv = [sys.executable, "-c", hold + "; time.sleep(600)", os.path.join(entry.folder, "alive")]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
        assert process.stdout is not None and process.stdout.readline()
        Path(entry.folder, "pid").write_text(f"{process.pid}\n")
    step = {"command": "x", **({"signature": {"algorithm": "EdDSA", "value": "x"}} if form == "signature" else {})}
    try:
        with plane.changed:  # no look of the agent at its spool can come between
            job = plane.add_job("unused", env={"BUILDKITE_JOB_ID": job_id}, step=step)
            entry.release()
        if form == "nothing":
            assert agent.wait_said("resuming job"), agent.said
            if process is not None:
                process.kill()
        assert job.wait_finished(), agent.said
        if process is not None:
            process.wait(60)
    finally:
        if process is not None:
            process.kill()
            process.communicate()
    refused = {"allow-list": "agent_refused", "hook": "agent_refused", "signature": "signature_rejected"}
    expected = ("-1", refused[form]) if form in refused else ("0", None) if has_ended else ("-1", "process_run_error")
    assert (job.finish["exit_status"], job.finish.get("signal_reason")) == expected
    assert job.text.startswith("printed before\n") and not job.problems
