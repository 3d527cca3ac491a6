"""Running commands: their output, their environment, their end."""

import os
import pathlib
import time

import pytest

from bkagent.errors import Cancelled, JobFailed
from bkagent.shell.launch import StartFailed
from bkagent.shell.session import CommandFailed, Session
from tests.fakes.conditions import until
from tests.shell.conftest import MemoryLog

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="runs POSIX shells")


def test_a_command_gets_a_terminal_of_its_own(session: Session, log: MemoryLog) -> None:
    session.run(["sh", "-c", "test -t 0 && test -t 2 && stty size && echo $TERM; (: </dev/tty) && echo own"])
    assert log.output == b"100 160\r\nxterm-256color\r\nown\r\n"


def test_without_a_terminal_input_is_empty_and_lines_end_in_line_feeds(session: Session, log: MemoryLog) -> None:
    session.pty = False
    session.run(["sh", "-c", "cat; test -t 1 || echo no terminal; echo error >&2"])
    assert log.output == b"no terminal\nerror\n"


def test_a_raw_terminal_changes_no_byte(session: Session, log: MemoryLog) -> None:
    session.raw = True
    session.run(["printf", "one\\ntwo\\n"])
    assert log.output == b"one\ntwo\n"


@pytest.mark.parametrize("pty", [True, False])
def test_a_megabyte_without_a_line_end_arrives_whole(session: Session, log: MemoryLog, pty: bool) -> None:
    session.run(["sh", "-c", "head -c 1048576 /dev/zero | tr '\\0' x"], pty=pty)
    assert log.output == b"x" * 1048576


def test_the_prompt_shows_the_command_or_what_the_caller_says_or_nothing(session: Session, log: MemoryLog) -> None:
    session.run(["echo", "a b"])
    session.run(["true"], shown="something else")
    session.run(["true"], shown="")
    assert log.lines == ['\x1b[90m$\x1b[0m echo "a b"', "\x1b[90m$\x1b[0m something else"]


def test_a_command_sees_the_base_over_the_jobs_variables_and_its_own_over_both(
    session: Session, log: MemoryLog, tmp_path: pathlib.Path
) -> None:
    session.base_env = {"A": "base", "B": "base", "C": "base"}
    session.env.update(B="job", C="job")
    session.run(["sh", "-c", "echo $A $B $C $PWD"], env={"C": "call"}, pty=False)
    assert log.output == f"base base call {tmp_path}\n".encode()


def test_an_exit_status_and_a_signal_are_told_apart(session: Session) -> None:
    with pytest.raises(CommandFailed, match="^exit status 7$") as failed:
        session.run(["sh", "-c", "exit 7"])
    assert (failed.value.exit_code, failed.value.signal) == (7, "")
    with pytest.raises(CommandFailed, match="^signal: killed$") as failed:
        session.run(["sh", "-c", "kill -KILL $$"])
    assert (failed.value.exit_code, failed.value.signal) == (-1, "SIGKILL")


def test_a_program_that_is_not_there_is_a_failure_with_the_systems_reason(session: Session) -> None:
    with pytest.raises(StartFailed, match=r'error running "/none \\"a b\\"": .*no such file or directory') as failed:
        session.run(["/none", "a b"])
    assert failed.value.exit_code == 1
    assert failed.value.errno == 2


def test_a_folder_that_is_not_there_is_a_failure(session: Session) -> None:
    with pytest.raises(StartFailed, match='working directory ".*/gone" doesn\'t exist'):
        session.run(["true"], cwd="gone")


def test_a_variable_that_no_process_can_have_is_named(session: Session) -> None:
    session.env["HOSTILE"] = "nul\0byte"
    with pytest.raises(StartFailed, match="the variable HOSTILE holds a NUL"):
        session.run(["true"])


def test_variables_that_are_no_text_in_any_locale_still_arrive(session: Session, log: MemoryLog) -> None:
    session.env["ODD"] = "\udcff\ud800☃"
    session.run(["printenv", "ODD"], pty=False)
    assert log.output == b"\xff\xed\xa0\x80\xe2\x98\x83\n"


def test_signals_are_at_their_defaults_in_a_command(session: Session, log: MemoryLog) -> None:
    with pytest.raises(CommandFailed, match="broken pipe"):
        session.run(["sh", "-c", "kill -PIPE $$; echo survived"], pty=False)
    assert log.output == b""


@pytest.mark.parametrize("pty", [True, False])
def test_a_daemon_that_holds_the_output_does_not_hold_the_job(session: Session, log: MemoryLog, pty: bool) -> None:
    session.env["PIDFILE"] = os.path.join(session.cwd, "pid")
    started = time.monotonic()
    session.run(["sh", "-c", "(setsid sleep 60 & echo $! >$PIDFILE); echo done"], pty=pty)
    with open(session.env["PIDFILE"], encoding="ascii") as file:
        os.kill(int(file.read()), 9)
    assert log.output.split() == [b"done"]
    assert time.monotonic() - started < 30  # the daemon alone would have taken a minute


def test_output_that_others_finish_after_the_end_is_still_read(session: Session, log: MemoryLog) -> None:
    session.run(["bash", "-c", "exec > >(sed -u s/^/-/); echo one; echo two"], pty=False)
    assert log.output == b"-one\n-two\n"


def test_capture_returns_stdout_and_logs_stderr(session: Session, log: MemoryLog) -> None:
    assert session.capture(["sh", "-c", "echo out; echo err >&2"]) == "out\n"
    line_end = b"\r\n" if session.pty else b"\n"
    assert log.output == b"err" + line_end
    assert log.lines == []
    assert session.capture(["sh", "-c", "echo hidden >&2"], hidden=True) == ""
    assert log.output == b"err" + line_end


def test_capture_feeds_input_of_any_size(session: Session) -> None:
    assert session.capture(["cat"], stdin=b"") == ""
    assert session.capture(["wc", "-c"], stdin=b"x" * 3_000_000).strip() == "3000000"
    assert session.capture(["true"], stdin=b"x" * 3_000_000) == ""


def test_capture_has_a_limit(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bkagent.shell.session.MOST_CAPTURED_BYTES", 100_000)
    with pytest.raises(JobFailed, match="longer than 100000 bytes"):
        session.capture(["cat", "/dev/zero"])


def test_capture_fails_as_run_does(session: Session) -> None:
    with pytest.raises(CommandFailed, match="exit status 3"):
        session.capture(["sh", "-c", "echo partial; exit 3"])


def test_a_watch_sees_what_is_printed(session: Session) -> None:
    seen = []
    session.run(["echo", "hello"], watch=seen.append)
    assert b"".join(seen) == b"hello\r\n"


def test_chdir_moves_and_says_so(session: Session, log: MemoryLog, tmp_path: pathlib.Path) -> None:
    (tmp_path / "a b").mkdir()
    session.chdir("a b")
    session.run(["pwd"], shown="", pty=False)
    assert log.output == f"{tmp_path}/a b\n".encode()
    assert log.lines == ['\x1b[90m$\x1b[0m cd "a b"']
    with pytest.raises(JobFailed, match="does not exist"):
        session.chdir("none")


def test_programs_are_found_on_the_jobs_own_path(session: Session, log: MemoryLog, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "only-here"
    program.write_text("#!/bin/sh\necho found\n", encoding="ascii")
    assert session.which("only-here") is None
    session.env["PATH"] = f"{folder}{os.pathsep}{session.env['PATH']}"
    assert session.which("only-here") is None  # not executable yet
    program.chmod(0o755)
    assert session.which("only-here") == str(program)
    session.run(["only-here"], pty=False)
    assert log.output == b"found\n"


def test_nothing_starts_after_a_cancellation(session: Session, log: MemoryLog) -> None:
    session.cancellation.request()
    with pytest.raises(Cancelled):
        session.run(["echo", "never"])
    with session.in_grace():
        session.run(["echo", "clean up"], pty=False)
    assert log.output == b"clean up\n"


def test_no_descriptor_of_ours_reaches_a_command(session: Session) -> None:
    with open(__file__, "rb"):
        shown = session.capture(["sh", "-c", "ls /proc/self/fd || ls /dev/fd"], hidden=True).split()
    assert set(shown) <= {"0", "1", "2", "3"}  # the last is ls's own


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts in /proc")
def test_descriptors_are_given_back(session: Session) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    session.run(["true"])
    before = count()
    for _ in range(5):
        session.run(["true"])
        session.capture(["cat"], stdin=b"x")
        with pytest.raises(StartFailed):
            session.run(["/none"])
        with pytest.raises(StartFailed):
            session.capture(["/none"])
    until(lambda: count() <= before)  # threads of other tests may have some for a moment


def test_a_debug_log_shows_a_hidden_command_and_its_errors_without_a_password(session: Session, log: MemoryLog) -> None:
    argv = ["sh", "-c", "echo answer; echo oops >&2", "https://user:pass-word@example.com/a.git"]
    assert session.capture(argv, hidden=True) == "answer\n"
    assert not log.lines and not log.output
    session.log.is_debug = True
    assert session.capture(argv, hidden=True) == "answer\n"
    assert log.lines[0].endswith(' sh -c "echo answer; echo oops >&2" https://user:xxxxx@example.com/a.git')
    assert log.output.strip() == b"oops" and "pass-word" not in "".join(log.lines)
