"""Which session took a job, whether an entry is that job's, and where goes what is not."""

import os
import stat
import time

import pytest

from bkagent.agent.cleanup import collect_sessions
from bkagent.errors import AgentError, WireError
from bkagent.logs.upload.uploader import Uploader
from bkagent.spool import directory
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import keeping, provenance, session_file
from bkagent.spool.custody.session_file import SessionFile
from bkagent.spool.journal import Journal
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result

JOB = JobManifest("job-1", "http://127.0.0.1/v3", "job-token")
SESSION = session_file.of_job(JOB, "http://127.0.0.1/agent", "session-token")


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def create(state):
    return directory.create(str(state / "spool"), JOB, SESSION)


def test_the_session_lies_beside_the_spool_for_this_user_alone_and_goes_with_the_entry(state):
    entry = create(state)
    path = state / "sessions" / "job-1"
    assert entry.session == SESSION and provenance.fault(entry) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for name in os.listdir(entry.folder):
        if name != "wake":
            assert b"session-token" not in (state / "spool" / "job-1" / name).read_bytes()
    assert "token" not in repr(SESSION).replace("token=", "")
    entry.remove()
    assert os.listdir(path.parent) == os.listdir(state / "spool") == []


def test_a_session_that_cannot_be_written_down_leaves_no_entry(state):
    state.mkdir()
    (state / "sessions").symlink_to(state)
    with pytest.raises(AgentError, match="is a link"):
        create(state)
    assert os.listdir(state / "spool") == []


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "is not JSON"), ("[" * 100000, "is not JSON"), ("{}", "job_id is missing"),
        ('{"job_id": "job-1", "endpoint": "", "token": "", "heartbeat_interval_s": NaN}', "a number of at least 0"),
        ('{"job_id": "job-1", "endpoint": "", "token": "", "heartbeat_interval_s": -1}', "a number of at least 0"),
        ('{"job_id": "job-1", "endpoint": [], "token": ""}', "endpoint must be text"),
    ],
)  # fmt: skip
def test_a_damaged_session_is_told(state, text, said):
    entry = create(state)
    (state / "sessions" / "job-1").write_text(text)
    with pytest.raises(WireError, match=said):
        entry.session  # noqa: B018
    assert said in provenance.fault(entry)


def test_an_entry_counts_with_its_own_token_alone(state):
    entry = create(state)
    assert provenance.fault_for_token(entry, "job-token") == ""
    for token in ("", "job-toke", "session-token", "jöb"):
        assert "token of this job" in provenance.fault_for_token(entry, token)
    session_file.write(str(state), SessionFile("job-2", "", "job-token"))
    os.rename(state / "sessions" / "job-2", state / "sessions" / "job-1")
    assert "token of its job" in provenance.fault(entry)
    session_file.remove(str(state), "job-1")
    assert "no agent" in provenance.fault(entry)


def test_an_entry_without_a_token_counts_for_nothing(state):
    entry = directory.create(str(state / "spool"), JobManifest("job-1", "http://127.0.0.1/v3", ""))
    assert provenance.fault_for_token(entry, "") and provenance.fault(entry)


def test_sessions_of_jobs_that_are_gone_are_collected_after_an_hour(state):
    create(state)
    for name in ("old", "young"):
        session_file.write(str(state), SessionFile(name, "", ""))
    for name in ("job-1", "old"):
        os.utime(state / "sessions" / name, (time.time() - 4000,) * 2)
    collect_sessions(str(state))
    assert session_file.names(str(state)) == ["job-1", "young"]


@pytest.mark.parametrize(
    "line", ["c 1 0 10\nc 2 10 999999999999999\n", "c 1 0 200000\n", "c 1 0 " + "9" * 5000 + "\n", "c 1 0 -1\n"]
)
def test_a_journal_that_speaks_of_more_than_there_is_sends_nothing(state, line):
    entry = create(state)
    entry.append(b"0123456789")
    entry.settle(Result(0))
    (state / "spool" / "job-1" / "chunks").write_text(line)
    sent = []
    uploader = Uploader(entry, lambda *chunk: sent.append(chunk), lambda level, text, event="": None)
    with pytest.raises(WireError):
        uploader.run(None)
    assert sent == [] and entry.log_size() < 1024 * 1024


@pytest.mark.parametrize("name", ["chunks", "log", "job.json", "result.json"])
def test_links_and_pipes_are_not_opened(state, name):
    precious = state / "precious"
    entry = create(state)
    precious.write_text("c 1 0 10\n")
    path = state / "spool" / "job-1" / name
    for make in (lambda: os.mkfifo(path), lambda: os.symlink(precious, path)):
        if path.exists():
            path.unlink()
        make()
        fresh = AgentEntry(entry.folder)
        if name == "chunks":
            with pytest.raises(OSError, match="regular file|link"):
                Journal(str(path))
        elif name == "log":
            with pytest.raises(OSError, match="regular file|link"):
                fresh.append(b"x")
        else:
            with pytest.raises(WireError):
                fresh.job if name == "job.json" else fresh.result()  # noqa: B018
        assert f"its {name} is" in provenance.shape_fault(fresh)
        path.unlink()
    assert precious.read_text() == "c 1 0 10\n"


@pytest.mark.parametrize(
    "text", ["[" * 60000, "x" * 70000, '{"exit_status": ' + "9" * 400 + "}", '{"exit_status": 1e400}']
)
def test_a_result_that_no_job_process_writes_is_damaged(state, text):
    entry = create(state)
    (state / "spool" / "job-1" / "result.json").write_text(text)
    with pytest.raises(WireError):
        entry.result()


def test_what_is_moved_away_is_whole_and_never_over_what_is_there(state):
    entry = create(state)
    entry.append(b"said\n")
    (state / "spool" / "job-1" / "reason").mkdir()  # so that it cannot be given one
    first = keeping.keep_entry(entry, "odd")
    assert first == str(state / "kept" / "job-1")
    assert (state / "kept" / "job-1" / "entry" / "log").read_bytes() == b"said\n"
    assert (state / "kept" / "job-1" / "reason").read_text() == "odd\n"
    (state / "spool" / "job-1").write_text("a file")
    assert directory.strangers(str(state / "spool")) == [str(state / "spool" / "job-1")]
    stranger = AgentEntry(str(state / "spool" / "job-1"))
    assert keeping.keep_entry(stranger, "a file") == str(state / "kept" / "job-1.1")
    assert (state / "kept" / "job-1.1" / "entry").read_text() == "a file"
