"""The spool: one folder a job, taken by one agent and one job process at a time."""

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

from bkagent.errors import AgentError, WireError
from bkagent.spool import directory, shared_files
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import keeping
from bkagent.spool.job_entry import attach, read_job_file
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
JOB = JobManifest(
    "job-1", "http://127.0.0.1/v3", "job-token", request_headers={"Buildkite-X": "1"},
    chunk_interval_s=0.5, pty=False, started_at="2024-05-01T10:00:00Z",
)  # fmt: skip

PROGRAM = """
import sys; sys.path.insert(0, sys.argv[1])
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.job_entry import attach
from bkagent.spool.result import Result
{body}
"""


@pytest.fixture
def spool_path(tmp_path):
    return str(tmp_path / "state" / "spool")


@pytest.fixture
def run(spool_path):
    """Start a program in another process: it has the entry's folder as sys.argv[2], and lives until its input ends."""
    started = []

    def start(body):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(body=body), TOP, os.path.join(spool_path, "job-1")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


ATTACHED = "side = attach(sys.argv[2]); print('here', flush=True); sys.stdin.readline(); "


def test_an_entry_is_private_whole_and_owned_from_the_start(spool_path):
    entry = directory.create(spool_path, JOB)
    assert stat.S_IMODE(os.stat(entry.folder).st_mode) == 0o700
    assert os.listdir(spool_path) == ["job-1"]
    for name in os.listdir(entry.folder):
        assert not os.stat(os.path.join(entry.folder, name)).st_mode & 0o077, name
    (other,) = directory.entries(spool_path)
    assert other.job == JOB
    assert not other.try_own()
    entry.release()
    assert other.try_own() and other.owned
    assert not entry.try_own()


def test_tokens_do_not_show(spool_path):
    entry = directory.create(spool_path, JOB)
    assert "token" not in repr(entry.job) + repr(entry.session)


def test_the_same_job_is_not_put_there_twice(spool_path):
    directory.create(spool_path, JOB)
    with pytest.raises(AgentError, match="job-1 is in the spool already"):
        directory.create(spool_path, JOB)
    assert os.listdir(spool_path) == ["job-1"]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\\b", ".new-x", "x" * 200, "a\0b", "x.", "-x", "a b"])
def test_a_job_id_that_is_no_plain_name_is_refused(spool_path, name):
    with pytest.raises(AgentError, match="cannot name a folder"):
        directory.create(spool_path, JobManifest(name, "", ""))
    assert not os.path.exists(spool_path)


def test_what_is_half_built_is_no_entry_and_is_swept_when_it_is_old(spool_path):
    directory.create(spool_path, JOB).release()
    old, young = os.path.join(spool_path, ".new-1-a"), os.path.join(spool_path, ".new-1-b")
    for folder in (old, young):
        os.makedirs(folder)
    os.utime(old, (0, 0))
    without_job = os.path.join(spool_path, "job-2")
    os.makedirs(without_job)
    assert [entry.job_id for entry in directory.entries(spool_path)] == ["job-1"]
    assert sorted(os.listdir(spool_path)) == [".new-1-b", "job-1", "job-2"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights there")
def test_where_an_old_link_in_the_spool_leads_nothing_is_removed(spool_path, tmp_path):
    directory.create(spool_path, JOB).release()
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("mine")
    link = os.path.join(spool_path, ".new-1-a")
    os.symlink(tmp_path / "precious", link)
    os.utime(link, (0, 0), follow_symlinks=False)
    assert [entry.job_id for entry in directory.entries(spool_path)] == ["job-1"]
    assert (tmp_path / "precious" / "file").read_text() == "mine"


def test_a_spool_that_is_not_there_has_no_entries(spool_path):
    assert directory.entries(spool_path) == []


def test_two_processes_never_own_an_entry_at_once(spool_path, run):
    directory.create(spool_path, JOB).release()
    body = """
import os
wins = 0
for _ in range(300):
    entry = AgentEntry(sys.argv[2])
    if entry.try_own():
        mark = sys.argv[2] + ".mark"
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        os.unlink(mark)
        entry.release()
        wins += 1
print(wins)
"""
    racers = [run(body) for _ in range(3)]
    wins = [int(racer.stdout.readline()) for racer in racers]
    assert all(racer.wait(30) == 0 for racer in racers) and sum(wins) > 0


def test_the_owner_s_death_frees_the_entry(spool_path, run):
    directory.create(spool_path, JOB).release()
    process = run("entry = AgentEntry(sys.argv[2]); print(entry.try_own(), flush=True); sys.stdin.read()")
    assert process.stdout.readline() == "True\n"
    entry = AgentEntry(os.path.join(spool_path, "job-1"))
    assert not entry.try_own()
    process.kill()
    process.wait()
    assert entry.try_own()


def test_a_job_process_lives_and_ends(spool_path, run):
    entry = directory.create(spool_path, JOB)
    seen = entry.process
    assert not seen.started() and not seen.alive() and not seen.ended() and seen.pid() is None
    assert not seen.wait_for_end(0.01)
    process = run(ATTACHED + "side.append(b'out'); side.finish(Result(3, 'SIGTERM')); side.close()")
    assert process.stdout.readline() == "here\n"
    assert seen.started() and seen.alive() and not seen.ended() and seen.pid() == process.pid
    assert not seen.wait_for_end(0.01)
    assert entry.result() is None
    process.stdin.write("\n")
    process.stdin.flush()
    assert seen.wait_for_end(10)
    assert seen.ended() and seen.pid() is None
    assert entry.result() == Result(3, "SIGTERM")
    assert entry.log_size() == 3


def test_a_killed_job_process_is_lost_without_a_result(spool_path, run):
    entry = directory.create(spool_path, JOB)
    process = run(ATTACHED)
    assert process.stdout.readline() == "here\n"
    ended = threading.Thread(target=entry.process.wait_for_end)
    ended.start()
    os.kill(process.pid, signal.SIGKILL)
    ended.join(10)
    assert not ended.is_alive() and entry.process.ended() and entry.result() is None
    assert entry.settle(Result(-1))
    assert entry.result() == Result(-1)
    assert not entry.settle(Result(0)), "a result is written once"


def test_a_job_runs_once(spool_path, run):
    entry = directory.create(spool_path, JOB)
    process = run(ATTACHED)
    assert process.stdout.readline() == "here\n"
    with pytest.raises(AgentError, match="another process runs the job"):
        attach(entry.folder)
    process.kill()
    process.wait()
    with pytest.raises(AgentError, match="has run already"):
        attach(entry.folder)


def test_a_job_that_was_given_up_does_not_start_any_more(spool_path):
    entry = directory.create(spool_path, JOB)
    assert entry.settle(Result(-1, signal_reason="agent_refused"))
    assert entry.process.ended()
    with pytest.raises(AgentError, match="has run already"):
        attach(entry.folder)
    assert not entry.process.alive()


def test_a_job_that_was_removed_after_it_was_read_does_not_start_any_more(spool_path):
    entry = directory.create(spool_path, JOB)
    job_file = read_job_file(entry.folder)
    os.unlink(os.path.join(entry.folder, "job.json"))  # as removing an entry begins
    with pytest.raises(AgentError, match="was removed"):
        attach(entry.folder, job_file=job_file)
    assert not entry.process.alive() and not entry.process.started()


def test_the_agent_writes_to_the_log_only_while_no_job_process_lives(spool_path):
    entry = directory.create(spool_path, JOB)
    entry.append(b"before\n")
    side = attach(entry.folder)
    side.append(b"job\n")
    with pytest.raises(AgentError, match="still runs"):
        entry.append(b"between\n")
    with pytest.raises(AgentError, match="still runs"):
        entry.settle(Result(-1))
    side.close()
    side.close()
    with pytest.raises(ValueError):
        side.append(b"late")
    entry.append(b"after\n")
    with open(entry.log_path, "rb") as log:
        assert log.read() == b"before\njob\nafter\n"


def test_appending_from_many_threads_loses_nothing(spool_path):
    side = attach(directory.create(spool_path, JOB).folder)

    def print_lines():
        for _ in range(100):
            side.append(b"x" * 1000 + b"\n")

    threads = [threading.Thread(target=print_lines) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    side.sync()
    side.close()
    with open(os.path.join(spool_path, "job-1", "log"), "rb") as log:
        assert log.read() == (b"x" * 1000 + b"\n") * 400


def test_a_sync_under_way_holds_up_no_end(spool_path, monkeypatch):
    entry = directory.create(spool_path, JOB)
    side = attach(entry.folder)
    began, goes_on, synced = threading.Event(), threading.Event(), []

    def slow_disk(fd):
        began.set()
        goes_on.wait(30)
        os.fsync(fd)  # fails when the descriptor has been closed under it
        synced.append(fd)

    monkeypatch.setattr("bkagent.spool.synced_file.sync_file", slow_disk)
    syncing = threading.Thread(target=side.sync, daemon=True)
    syncing.start()
    assert began.wait(30)
    closing = threading.Thread(target=side.close, daemon=True)
    closing.start()
    closing.join(10)
    held_up = closing.is_alive()
    goes_on.set()
    syncing.join(30)
    assert not held_up and len(synced) == 1
    with pytest.raises(OSError):
        os.fstat(synced[0])
    side.sync()  # nothing is left to do
    assert len(synced) == 1


@pytest.mark.parametrize("is_gone", (False, True))
def test_the_end_of_an_entry_is_brought_to_disk_while_it_is_there(spool_path, is_gone):
    entry = directory.create(spool_path, JOB)
    side = attach(entry.folder)
    side.append(b"line\n")
    side.finish(Result(3))
    assert entry.result() == Result(3)
    side.close()
    if is_gone:
        entry.remove()
    side.bring_to_disk()
    assert os.path.exists(entry.folder) is not is_gone
    assert is_gone or entry.result() == Result(3)


def test_an_entry_that_its_agent_is_soon_done_with_is_not_brought_to_disk(spool_path, monkeypatch):
    entry = directory.create(spool_path, JOB)
    side = attach(entry.folder)
    side.finish(Result(0))
    side.close()
    pauses = []

    def remove_meanwhile(pause_s):
        pauses.append(pause_s)
        if len(pauses) == 2:
            entry.remove()

    monkeypatch.setattr("bkagent.spool.job_entry.time.sleep", remove_meanwhile)
    monkeypatch.setattr("bkagent.spool.job_entry.sync_path", lambda path: pytest.fail("there is nothing to sync"))
    side.bring_to_disk()
    assert len(pauses) == 2 and not os.path.exists(entry.folder)


@pytest.mark.parametrize("seed", range(5))
def test_a_kill_while_the_result_is_written_leaves_a_whole_one_or_none(spool_path, run, seed):
    entry = directory.create(spool_path, JOB)
    process = run(
        "from bkagent.spool import result\nprint('here', flush=True)\n"
        "while True: result.write(sys.argv[2], Result(7, 'S' * 10000, 'r' * 10000))"
    )
    assert process.stdout.readline() == "here\n"
    for _ in range(random.Random(seed).randrange(1, 400)):  # now sooner, now later
        assert entry.result() in (None, Result(7, "S" * 10000, "r" * 10000))
    process.kill()
    process.wait()
    assert entry.result() in (None, Result(7, "S" * 10000, "r" * 10000))


def test_a_full_disk_holds_the_job_up_and_loses_nothing(spool_path, monkeypatch):
    side = attach(directory.create(spool_path, JOB).folder)
    write, refusals = os.write, iter([True, False, True, True])

    def write_less(fd, data):
        if len(data) > 1 and next(refusals, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[: max(1, len(data) // 2)])

    monkeypatch.setattr(os, "write", write_less)
    monkeypatch.setattr("bkagent.spool.full_disk_writer._PAUSE_S", 0)
    side.append(b"0123456789")
    side.close()
    with open(os.path.join(spool_path, "job-1", "log"), "rb") as log:
        assert log.read() == b"0123456789"


def test_a_wish_to_cancel_is_seen_by_the_job(spool_path):
    entry = directory.create(spool_path, JOB)
    assert shared_files.cancel_reason(entry.folder) is None
    entry.request_cancel("cancel")
    assert shared_files.cancel_reason(entry.folder) == entry.cancel_reason() == "cancel"
    entry.request_cancel("agent_stop")
    entry.request_cancel("cancel")
    assert shared_files.cancel_reason(entry.folder) == "agent_stop"


def test_the_job_process_sees_the_age_of_the_last_heartbeat(spool_path):
    entry = directory.create(spool_path, JOB)
    side = attach(entry.folder)
    os.utime(os.path.join(entry.folder, "heartbeat"), (1000, 1000))
    assert side.heartbeat_age_s(1060.0) == 60
    assert side.heartbeat_age_s(900.0) == 0  # a clock that was set back
    entry.heartbeat()
    assert side.heartbeat_age_s(time.time()) < 600
    side.close()


def test_a_finished_entry_goes(spool_path):
    entry = directory.create(spool_path, JOB)
    other = AgentEntry(entry.folder)
    entry.remove()
    assert os.listdir(spool_path) == []
    assert not other.try_own()


def test_a_kept_entry_is_moved_aside_with_its_reason(spool_path):
    kept = [keeping.keep_entry(directory.create(spool_path, JOB), f"refused {number}") for number in range(2)]
    assert kept == [os.path.join(os.path.dirname(spool_path), "kept", name) for name in ("job-1", "job-1.1")]
    assert directory.entries(spool_path) == []
    with open(os.path.join(kept[1], "reason"), encoding="utf-8") as file:
        assert file.read() == "refused 1\n"
    assert stat.S_IMODE(os.stat(os.path.dirname(kept[0])).st_mode) == 0o700


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"endpoint": "", "token": ""}', "job_id is missing"),
        ('{"job_id": 5, "endpoint": "", "token": ""}', "job_id must be text"),
        ('{"job_id": "j", "endpoint": "", "token": "", "pty": 1}', "pty must be true or false"),
        ('{"job_id": "j", "endpoint": "", "token": "", "chunk_max_bytes": true}', "must be a whole number"),
        ('{"job_id": "j", "endpoint": "", "token": "", "chunk_max_bytes": 0}', "chunk_max_bytes must be at least 1"),
        ('{"job_id": "j", "endpoint": "", "token": "", "request_headers": {"a": 1}}', "request_headers must be a map"),
        ('{"job_id": "j", "endpoint": "", "token": "", "chunk_interval_s": "1"}', "chunk_interval_s must be a number"),
    ],
)
def test_a_damaged_job_file_is_told(spool_path, text, said):
    entry = directory.create(spool_path, JOB)
    with open(os.path.join(entry.folder, "job.json"), "w") as file:
        file.write(text)
    with pytest.raises(WireError, match=said):
        print(AgentEntry(entry.folder).job)


def test_a_job_file_of_another_version_is_read(spool_path):
    text = '{"job_id": "j", "endpoint": "e", "token": "t", "from_the_future": [1], "chunk_interval_s": 2}'
    assert JobManifest.from_text(text) == JobManifest("j", "e", "t", chunk_interval_s=2.0)
    assert JobManifest.from_text(JOB.to_text()) == JOB


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"exit_status": "0"}', '{"exit_status": true}', '{"exit_status": 0, "signal": 1}']
)
def test_a_damaged_result_is_told(spool_path, text):
    entry = directory.create(spool_path, JOB)
    with open(os.path.join(entry.folder, "result.json"), "w") as file:
        file.write(text)
    with pytest.raises(WireError):
        entry.result()
