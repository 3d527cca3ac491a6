"""What is no longer used goes; what is used, or may be used in this moment, stays."""

import os
import socket
import subprocess
import sys
import time

import pytest

from bkagent.agent import cleanup
from bkagent.agent.cleanup import DAY_S, collect_kept, collect_unused
from bkagent.config.launching import in_use_locks
from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest
from bkagent.system import file_lock
from tests.whole.running import wait_until

HOUR_S = 3600.0
MARKS = {"code": "python", "bin": "bkagent"}


def folder(state, kind, name, days, mark=True):
    """Make a folder of code or launchers that was last used so many days ago."""
    made = state / kind / name
    made.mkdir(parents=True)
    (made / "file").write_text("content")
    if mark:
        (made / MARKS[kind]).write_text(sys.executable + "\n")
    for path in (*made.iterdir(), made):
        age(path, days * DAY_S)
    return made


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))


def collect(state, own=()):
    collect_unused(str(state), tuple(str(each) for each in own), lambda level, text, event="": None)


@pytest.mark.parametrize("kind", ["code", "bin"])
def test_what_was_not_used_for_long_loses_its_mark_and_then_goes(tmp_path, kind):
    old, new, own = (
        folder(tmp_path, kind, "old", 15),
        folder(tmp_path, kind, "new", 13),
        folder(tmp_path, kind, "own", 99),
    )
    collect(tmp_path, [own])
    assert not (old / MARKS[kind]).exists() and (old / "file").exists()
    collect(tmp_path, [own])
    assert (old / "file").exists(), "a command that has just started may still be loading from it"
    age(old, 2 * HOUR_S)
    collect(tmp_path, [own])
    assert not old.exists() and (new / MARKS[kind]).exists() and (own / MARKS[kind]).exists()


def test_what_a_living_process_holds_stays_until_it_ends(tmp_path):
    old = folder(tmp_path, "code", "old", 15)
    script = (
        "import sys; from bkagent.config.launching import in_use_locks as c; "
        "c.touch = print; c.hold(sys.argv[1:]); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(old)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(os.path.dirname(__file__)))},
    ) as user:  # fmt: skip
        assert str(old) in user.stdout.readline()
        collect(tmp_path)
        assert (old / "python").exists()
        user.communicate("\n")
    collect(tmp_path)
    assert not (old / "python").exists()


def test_a_process_that_begins_in_this_moment_keeps_its_code(tmp_path):
    old = folder(tmp_path, "code", "old", 15)
    collect(tmp_path)
    held = in_use_locks.hold([str(old)])
    age(old, 2 * HOUR_S)
    collect(tmp_path)
    assert (old / "file").exists() and (old / "python").read_text().strip() == sys.executable
    for fd in held:
        os.close(fd)


def test_a_use_is_noted_and_what_is_no_such_folder_passed_over(tmp_path):
    old = folder(tmp_path, "bin", "old", 15)
    in_use_locks.touch([str(old), str(tmp_path / "none")])
    collect(tmp_path)
    assert (old / "bkagent").exists()
    assert in_use_locks.hold([str(tmp_path / "checkout"), str(tmp_path)]) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin"]


def test_an_unpacking_that_was_cut_off_goes(tmp_path):
    half, fresh = folder(tmp_path, "code", "hash.123", 1, mark=False), folder(tmp_path, "code", "hash.4", 0, mark=False)
    collect(tmp_path)
    assert not half.exists() and fresh.exists()


def test_kept_logs_go_by_age_and_the_oldest_by_size(tmp_path, monkeypatch):
    monkeypatch.setattr(cleanup, "KEPT_BYTES", 250)
    for name, days in (("ancient", 15), ("older", 3), ("newer", 2), ("newest", 1)):
        (tmp_path / "kept" / name).mkdir(parents=True)
        (tmp_path / "kept" / name / "log").write_bytes(b"x" * 100)
        age(tmp_path / "kept" / name, days * DAY_S)
    (tmp_path / "spool" / "job").mkdir(parents=True)
    age(tmp_path / "spool" / "job", 99 * DAY_S)
    collect_kept(str(tmp_path), lambda level, text, event="": None)
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["newer", "newest"]
    assert (tmp_path / "spool" / "job").exists()


def test_an_agent_collects_when_it_starts_but_not_while_a_job_is_in_the_spool(plane, start, tmp_path):
    state = tmp_path / "agent" / ".buildkite-agent" / "bkagent"
    kept, code = state / "kept" / "old", folder(state, "code", "old", 15)
    kept.mkdir(parents=True)
    age(kept, 15 * DAY_S)
    entry = directory.create(str(state / "spool"), JobManifest("job", plane.endpoint, "token"))
    agent = start()
    assert agent.wait_said("older than 14 days"), agent.said
    job = plane.add_job("echo one")
    assert job.wait_finished(), agent.said
    assert not kept.exists() and (code / "python").exists()
    entry.remove()
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said
    again = start("--debug")
    assert again.wait_said("has not been used for 14 days"), again.said
    assert not (code / "python").exists()


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")
def test_a_starting_agent_removes_the_sockets_of_jobs_that_were_killed(start, tmp_path):
    folder = tmp_path / "s" / "job-api"
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    names = ["1-1.sock", "2-2.sock", "3-3.sock", "other.sock"]
    sockets = {name: socket.socket(socket.AF_UNIX) for name in names}
    for name, each in sockets.items():
        each.bind(str(folder / name))
        age(folder / name, 0 if name == "2-2.sock" else 2 * DAY_S)
        if name == "3-3.sock":
            each.listen(8)  # this job runs
        else:
            each.close()
    agent = start("--sockets-path", str(folder.parent))
    try:
        assert agent.wait_said("Waiting for instructions"), agent.said
        assert wait_until(lambda: not (folder / names[0]).exists())
    finally:
        sockets["3-3.sock"].close()
    assert sorted(path.name for path in folder.iterdir()) == names[1:]


def test_journals_of_uploads_go_by_age_unless_an_upload_has_them_open(tmp_path):
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name in ("fresh", "old", "in-use"):
        (folder / name).write_bytes(b"")
    held = file_lock.open_lock(str(folder / "in-use"))
    file_lock.lock(held)
    for name in ("old", "in-use"):
        os.utime(folder / name, (0, time.time() - cleanup.UPLOADS_S - 60))
    cleanup.collect_upload_journals(str(tmp_path))
    assert sorted(os.listdir(folder)) == ["fresh", "in-use"]
    os.close(held)
    cleanup.collect_upload_journals(str(tmp_path))
    assert os.listdir(folder) == ["fresh"]
    cleanup.collect_upload_journals(str(tmp_path / "nowhere"))
