"""The session's token speaks for the whole agent: nothing that a job is told leads to it, and no log shows it."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Iterator

import pytest

from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.control_plane import FakeControlPlane, FakeJob
from tests.whole.running import Start, bkagent, wait_until

REGISTRATION = "registration-token"

# What a job can look at: variables, and of each process above it the arguments, variables and open files.
LOOK = """
import os, sys
out, pid = open(sys.argv[1], "wb"), os.getppid()
out.write(repr(dict(os.environ)).encode())
while pid > 1:
    for name in ("cmdline", "environ"):
        try:
            out.write(open("/proc/%d/%s" % (pid, name), "rb").read())
        except OSError:
            pass
    for number in os.listdir("/proc/%d/fd" % pid):
        path = "/proc/%d/fd/%s" % (pid, number)
        try:
            target = os.readlink(path)
            out.write((" %s -> %s " % (path, target)).encode())
            if target.startswith("/") and os.path.isfile(path):
                out.write(open(path, "rb").read())
        except OSError:
            pass
    pid = int(open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[1])
out.write(b" seen all ")
"""


def state_of(agent: AgentProcess) -> Path:
    return agent.root / ".buildkite-agent" / "bkagent"


def files_led_to(path: str) -> Iterator[Path]:
    """Yield the files that the value of a variable leads to: itself, beside it, below it."""
    if not os.path.isabs(path) or not os.path.exists(path):
        return
    folder = Path(path if os.path.isdir(path) else os.path.dirname(path))
    walk = os.walk(folder) if os.path.isdir(path) or folder.parent.name == "spool" else [next(os.walk(folder))]
    for where, _, names in walk:
        yield from (Path(where, name) for name in names)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="looks at processes in /proc")
@pytest.mark.parametrize("flags", [[], ["--debug", "--spawn", "2"]])
def test_nothing_that_a_job_is_told_leads_to_the_session(
    archive: str, plane: FakeControlPlane, start: Start, tmp_path: Path, flags: "list[str]"
) -> None:
    (tmp_path / "look.py").write_text(LOOK)
    seen, go = tmp_path / "seen", tmp_path / "go"
    look = shlex.join([sys.executable, str(tmp_path / "look.py"), str(seen)])
    job = plane.add_job(f"env -0 > {tmp_path}/env; {look}; until [ -e {go} ]; do sleep 0.02; done")
    agent = start(*flags)
    assert wait_until(lambda: seen.exists() and b"seen all" in seen.read_bytes()), agent.said
    tokens = [b"at-" + session.encode() for session in plane.sessions]
    variables = dict(pair.split("=", 1) for pair in (tmp_path / "env").read_text().split("\0") if "=" in pair)
    own = [value for name, value in variables.items() if name.startswith("BUILDKITE")]
    files = {path for value in own for path in files_led_to(value) if path.is_file()}
    assert {"job.json", "log"} <= {path.name for path in files}, "it looked where the job's variables lead"
    told = [seen.read_bytes(), *(path.read_bytes() for path in files)]
    for words in (["show", job.id], ["show", "--json", job.id], ["export", job.id], ["list", "--json"]):
        told.append(bkagent(archive, "spool", *words, cwd=tmp_path, env=clean_environment(agent.root)).text.encode())
    go.touch()
    assert job.wait_finished(), agent.said
    told += [agent.said.encode(), job.raw]
    assert not [token for token in tokens if any(token in text for text in told)]


@pytest.mark.parametrize("flags", [[], ["--no-pty"], ["--debug-http"]])
def test_no_log_shows_a_token_of_the_agent(
    plane: FakeControlPlane, start: Start, tmp_path: Path, flags: "list[str]"
) -> None:
    leak = tmp_path / "leak"
    job = plane.add_job(
        f"echo begun; until [ -e {leak} ]; do sleep 0.02; done; cat {leak}; base64 -w0 {leak}.1; echo\n"
        f'buildkite-agent annotate "$(cat {leak})"; buildkite-agent meta-data set k "$(cat {leak}.1)"\n'
        "echo end-$((1+1))"
    )
    agent = start("--disconnect-after-job", *flags)
    assert job.wait_printed(b"begun"), agent.said
    (session,) = plane.sessions
    tokens = ["at-" + session, REGISTRATION, job.token]
    Path(f"{leak}.1").write_text(tokens[0])
    (tmp_path / "aside").write_text("".join(f"<{token}>\n" for token in tokens))
    (tmp_path / "aside").rename(leak)
    assert agent.wait() == 0, agent.said
    assert job.text.count("<[REDACTED]>\n") == 3 and "\nend-2\n" in job.text
    assert len(plane.annotations) == 1 and set(plane.meta_data) == {"k"}
    outside = job.text + json.dumps([plane.annotations, plane.meta_data]) + agent.said
    assert not [token for token in tokens if token in outside]


def make_older(state: Path, job: FakeJob) -> None:
    """Give what an agent has left the form that the release before had."""
    path = state / "spool" / job.id / "job.json"
    noted = json.loads((state / "sessions" / job.id).read_text())
    older = {**json.loads(path.read_text()), **{name: noted[name] for name in ("agent_token", "agent_endpoint")}}
    path.write_text(json.dumps(older))
    (state / "sessions" / job.id).unlink()
    (state / "sessions").rmdir()


@pytest.mark.parametrize("is_older", [False, True])
def test_the_session_of_a_job_taken_over_lives_on_and_is_not_in_its_entry(
    plane: FakeControlPlane, start: Start, tmp_path: Path, is_older: bool
) -> None:
    go = tmp_path / "go"
    job = plane.add_job(f"echo begun; until [ -e {go} ]; do sleep 0.02; done; exit 4")
    agent = start()
    assert job.wait_printed(b"begun"), agent.said
    (session,) = plane.sessions
    agent.kill()
    state = state_of(agent)
    assert (state / "sessions" / job.id).stat().st_mode & 0o777 == 0o600
    if is_older:
        make_older(state, job)
    again = start()
    assert plane.wait_for(lambda: plane.sessions[session]["beats"] > 0), again.said
    texts = [path.read_text(errors="replace") for path in (state / "spool" / job.id).iterdir() if path.is_file()]
    assert texts and not [text for text in texts if "at-" in text]
    go.touch()
    assert job.wait_finished(), again.said
    assert job.finish["exit_status"] == "4" and not job.problems
    assert plane.wait_for(lambda: plane.sessions[session]["state"] == "disconnected"), again.said
    again.signal("SIGTERM")
    assert again.wait() == 0, again.said
    assert again.spool == [] and list((state / "sessions").iterdir()) == []
