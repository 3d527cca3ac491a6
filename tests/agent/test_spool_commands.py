"""`bkagent spool`: what people see of logs and results that are still on a machine, and what they can do about it."""

import json
import os
import subprocess
import sys

import pytest

from tests.fakes.agent_process import clean_environment


@pytest.fixture
def spool(tmp_path):
    """Return what runs a command about the spool of the test's agents."""

    def run(*words):
        argv = [sys.executable, "-m", "bkagent", "spool", *words]
        env = clean_environment(tmp_path / "agent")
        return subprocess.run(argv, env=env, capture_output=True, timeout=60, check=False)

    return run


@pytest.fixture
def left(plane, start, tmp_path):
    """Return a job that has ended while its agent was dead and its control plane refused connections for a while."""
    go = tmp_path / "go"
    job = plane.add_job(f"echo hello; until [ -e {go} ]; do sleep 0.02; done; exit 3")
    agent = start()
    assert job.wait_printed(b"hello")
    agent.kill()
    job.go = go
    job.agent = agent
    return job


def _end(plane, job, spool):
    job.go.touch()
    assert plane.wait_for(lambda: json.loads(spool("list", "--json").stdout)[0]["state"] == "waiting")


def test_the_agents_configuration_file_says_where_it_is(spool, tmp_path):
    file = tmp_path / "agent" / ".buildkite-agent" / "buildkite-agent.cfg"
    file.parent.mkdir(parents=True)
    file.write_text(f'token="x"\ntags="queue=a"\nstate-path={tmp_path}/elsewhere\nno-such=1\n', encoding="ascii")
    for words in (["list"], ["list", "--config", str(file)]):
        done = spool(*words)
        assert (done.returncode, done.stdout) == (0, f"nothing in {tmp_path}/elsewhere\n".encode())
        assert done.stderr.count(b"unknown setting") == 1 and b"no-such" in done.stderr


def test_an_empty_one_says_so(spool):
    done = spool("list")
    assert done.returncode == 0 and done.stdout.startswith(b"nothing in ")
    assert json.loads(spool("list", "--json").stdout) == []
    assert spool("flush").returncode == 0


def test_a_job_is_listed_shown_exported_and_delivered(plane, left, spool, tmp_path):
    (running,) = json.loads(spool("list", "--json").stdout)
    assert (running["job_id"], running["state"], running["in_hand"]) == (left.id, "running", False)
    assert spool("flush").returncode == 0 and not left.finishes  # what runs is left alone
    _end(plane, left, spool)
    assert left.id.encode() in spool("list").stdout
    shown = spool("show", left.id[:8]).stdout.decode()
    assert "exit_status: 3\n" in shown and "state: waiting\n" in shown
    assert left.token not in shown and "token" not in shown
    assert spool("export", "--plain", left.id).stdout.replace(b"\r", b"").count(b"\nhello\n") == 1
    assert spool("export", left.id, str(tmp_path / "log")).returncode == 0
    assert b"\x1b_bk;t=" in (tmp_path / "log").read_bytes()
    assert spool("export", left.id, str(tmp_path / "log")).returncode == 1
    assert spool("flush").returncode == 0
    assert left.finish["exit_status"] == "3" and left.raw == (tmp_path / "log").read_bytes()
    assert spool("list").stdout.startswith(b"nothing in ")


def test_what_cannot_be_delivered_stays(plane, left, spool):
    _end(plane, left, spool)
    fault = plane.break_down("PUT jobs", 500)
    done = spool("flush", "--within", "1s")
    assert done.returncode == 1 and b"1 job is still in the spool" in done.stderr
    fault.end()
    assert spool("flush").returncode == 0 and left.finish["exit_status"] == "3"


def test_what_is_refused_for_good_is_kept_named_and_exported(plane, left, spool):
    _end(plane, left, spool)
    plane.answers[f"PUT jobs/{left.id}/finish"] = (404, {"message": "who?\x1b[2J"})
    spool("flush", "--within", "5s")
    (kept,) = json.loads(spool("list", "--json").stdout)
    assert kept["state"] == "kept" and "who?" in kept["reason"] and "\x1b" not in kept["reason"]
    assert spool("export", "--plain", left.id).stdout.replace(b"\r", b"").count(b"\nhello\n") == 1


def test_an_id_that_no_job_or_several_have_is_refused(spool, tmp_path):
    done = spool("show", "none")
    assert done.returncode == 1 and b"no job in " in done.stderr
    for name in ("one", "other"):
        os.makedirs(tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "kept" / name)
    assert b"2 jobs in " in spool("show", "o").stderr


def test_a_spool_that_is_a_file_is_one_clear_line(spool, start, plane, tmp_path):
    path = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "spool"
    path.parent.mkdir(parents=True)
    path.write_text("", encoding="ascii")
    assert b"cannot be read: " in spool("list").stderr
    agent = start()
    assert agent.wait() == 1 and "spool cannot be read: " in agent.said


def test_what_no_agent_made_is_named_printed_harmlessly_and_moved_away(spool, tmp_path, plane):
    state = tmp_path / "agent" / ".buildkite-agent" / "bkagent"
    mine = state / "spool" / "planted"
    mine.mkdir(parents=True, mode=0o700)
    state.chmod(0o700)
    job = {"job_id": "planted", "endpoint": plane.endpoint + "\x1b[2J", "token": "mine", "agent_name": "a\x1b]0;b\x07"}
    (mine / "job.json").write_text(json.dumps(job))
    (mine / "result.json").write_text(json.dumps({"exit_status": 0, "signal": "\x1b[2J\n"}))
    (mine / "log").symlink_to("/etc/hosts")
    (state / "spool" / "link").symlink_to(mine)
    os.utime(mine / "job.json", (2**40, 2**40))
    (listed, other) = json.loads(spool("list", "--json").stdout)
    assert (listed["state"], other["state"]) == ("foreign", "foreign") and "log is a link" in listed["reason"]
    for words in (["list"], ["show", "planted"], ["show", "link"]):
        done = spool(*words)
        assert done.returncode == 0 and b"foreign" in done.stdout and b"\x1b" not in done.stdout
    done = spool("export", "planted")
    assert done.returncode == 1 and b"link, or not a regular file" in done.stderr and done.stdout == b""
    assert spool("flush").returncode == 0 and plane.requests == []
    assert sorted(os.listdir(state / "kept")) == ["link", "planted"] and os.listdir(state / "spool") == []
    kept = json.loads(spool("list", "--json").stdout)
    assert [(one["state"], bool(one["reason"])) for one in kept] == [("kept", True)] * 2
    done = spool("show", "planted")
    assert done.returncode == 0 and b"\\x1b[2J" in done.stdout and b"\x1b" not in done.stdout + spool("list").stdout
