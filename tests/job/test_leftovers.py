"""What a job leaves running: it holds nothing up, the log names it, and it is ended where that is wanted."""

import os
import signal
import sys
import time
from typing import Dict, List

import pytest

from tests.job.conftest import Ended, JobSandbox

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments")

_REPORTED, _ENDED = "~~~ Left running by this job", "~~~ Ending what this job has left running"
# Says its number when nothing can reach it any more but by that; `exec` keeps the shell's number, a moment later.
_LEAVE = "{setsid} sh -c '{trap}echo $$ >>\"$SEEN\"; exec sleep 300' <{stdin} >{out} 2>&1 &"
_AWAIT = 'while [ "$(wc -l <"$SEEN")" -lt {count} ]; do sleep 0.01; done'
_AWAIT_EXEC = 'for pid in $(cat "$SEEN"); do until grep -q ^sleep "/proc/$pid/cmdline"; do sleep 0.01; done; done'


def _leaving(count: int = 1, **how: str) -> str:
    how = {"setsid": "setsid", "trap": "", "stdin": "/dev/null", "out": "/dev/null", **how}
    lines = [': >>"$SEEN"', *[_LEAVE.format(**how)] * count, _AWAIT.format(count=count), _AWAIT_EXEC]
    return "\n".join(lines)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def _await_end(pid: int) -> bool:
    until = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not _alive(pid)


def _left(sandbox: JobSandbox) -> List[int]:
    return [int(line) for line in sandbox.seen()]


def _named(ended: Ended) -> Dict[int, str]:
    """Return the processes that the log names."""
    split = [line.split(": ", 1) for line in ended.lines if line.startswith("pid ")]
    return {int(pid[4:]): command for pid, command in split}


def test_what_stays_is_named_and_left_alone(sandbox: JobSandbox) -> None:
    ended = sandbox.run(_leaving(2))
    left = _left(sandbox)
    try:
        assert ended.status == 0
        assert ended.has(_REPORTED)
        assert _named(ended) == dict.fromkeys(left, "sleep 300")
        assert all(map(_alive, left))
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def test_what_stays_is_ended_where_that_is_wanted(sandbox: JobSandbox) -> None:
    ended = sandbox.run(_leaving(), leftovers="end")
    (left,) = _left(sandbox)
    assert ended.status == 0
    assert ended.has(_ENDED)
    assert list(_named(ended)) == [left]
    assert _await_end(left)


def test_what_ignores_the_request_is_killed(sandbox: JobSandbox) -> None:
    sandbox.run(_leaving(trap='trap "" TERM; '), leftovers="end")
    (left,) = _left(sandbox)
    assert _await_end(left)


def test_a_hooks_process_counts_and_may_hold_the_output(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-exit", _leaving(stdin="/dev/stdin", out="/dev/stdout"))
    ended = sandbox.run("true", leftovers="end")
    assert list(_named(ended)) == _left(sandbox)


def test_nothing_is_said_where_nothing_stays(sandbox: JobSandbox) -> None:
    # The terminal of the command takes what has no session of its own along.
    ended = sandbox.run("sleep 0.01 & wait")
    assert not ended.has(_REPORTED)
    assert not any("left running" in line.lower() for line in ended.lines)


def test_a_command_line_cannot_forge_lines_of_the_log(sandbox: JobSandbox) -> None:
    # As the name of a program: a shell that has told its number waits for input that never ends.
    named = "$(printf 'a\\n+++ forged\\033[31m')"
    script = f': >>"$SEEN"; setsid sh -c \'echo $$ >>"$SEEN"; sleep 300; :\' "{named}" </dev/null >/dev/null 2>&1 &'
    ended = sandbox.run(script + "\n" + _AWAIT.format(count=1), leftovers="end")
    assert not ended.has("+++ forged")
    assert any(line.endswith("a +++ forged [31m") for line in _named(ended).values())


def test_jobs_inside_a_job_are_still_the_outer_ones(sandbox: JobSandbox) -> None:
    ended = sandbox.run(_leaving(), {"BKAGENT_JOB_MARK": ":outer"}, leftovers="end")
    assert _await_end(_left(sandbox)[0])
    assert ended.status == 0
    inner = sandbox.run('echo "$BKAGENT_JOB_MARK"', {"BKAGENT_JOB_MARK": ":outer"}, job_id="job-2")
    assert inner.lines[-1].startswith(":outer:")


# Clears its environment and forks twice, each time into a session of its own, before it says its number.
_CUT_LOOSE = (
    'env -i PATH="$PATH" SEEN="$SEEN" setsid sh -c \'{trap}'
    '(setsid sh -c "echo \\$\\$ >>\\$SEEN; exec sleep 300" &) \' </dev/null >/dev/null 2>&1'
)


def _cutting_loose(trap: str = "") -> str:
    return "\n".join([': >>"$SEEN"', _CUT_LOOSE.format(trap=trap), _AWAIT.format(count=1), _AWAIT_EXEC])


def test_what_cuts_every_tie_is_named(sandbox: JobSandbox) -> None:
    ended = sandbox.run(_cutting_loose())
    (left,) = _left(sandbox)
    try:
        assert _named(ended) == {left: "sleep 300"}
        assert _alive(left)
    finally:
        os.kill(left, signal.SIGKILL)


@pytest.mark.parametrize("trap", ["", 'trap "" TERM; '])
def test_what_cuts_every_tie_is_ended_where_that_is_wanted(sandbox: JobSandbox, trap: str) -> None:
    ended = sandbox.run(_cutting_loose(trap), leftovers="end")
    (left,) = _left(sandbox)
    assert list(_named(ended)) == [left]
    assert _await_end(left)


def test_those_that_start_others_for_ever_are_ended_too(sandbox: JobSandbox) -> None:
    unlike_others = f"301.{os.getpid()}"
    respawn = f'trap "" TERM; while :; do env -i setsid sleep {unlike_others} & sleep 0.01; done'
    lines = (
        ': >>"$SEEN"',
        f'env -i SEEN="$SEEN" setsid sh -c \'echo $$ >>"$SEEN"; {respawn}\' </dev/null >/dev/null 2>&1 &',
        _AWAIT.format(count=1),
    )
    sandbox.run("\n".join(lines), leftovers="end")
    (parent,) = _left(sandbox)
    assert _await_end(parent)
    assert not [pid for pid in _running(f"sleep {unlike_others}") if not _await_end(pid)]


def _running(command: str) -> List[int]:
    """Return the processes with a command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                if file.read() == b"".join(word.encode() + b"\0" for word in command.split()):
                    found.append(int(name))
        except OSError:
            pass
    return found


def test_the_ended_ones_among_them_do_not_pile_up(sandbox: JobSandbox) -> None:
    loose = "for i in 1 2 3 4 5 6 7 8; do (setsid sh -c : &) ; done"
    # Of the children of the job process.
    is_ended = 'grep -q "^State:.Z" "/proc/$pid/status" 2>/dev/null'
    each = "for pid in $(cat /proc/$PPID/task/*/children)"
    one_is = f"one_is_ended() {{ {each}; do {is_ended} && return; done; return 1; }}"
    wait = "while one_is_ended; do sleep 0.05; done"
    ended = sandbox.run(f"{one_is}\n{loose}\n{wait}\necho collected")
    assert ended.has("collected")


def test_what_a_script_of_the_agents_owner_leaves_is_named(sandbox: JobSandbox) -> None:
    script = sandbox.root / "script"
    script.write_text("#!/bin/sh\n" + _leaving() + "\n", encoding="ascii")
    script.chmod(0o755)
    ended = sandbox.run(bootstrap_script=str(script))
    (left,) = _left(sandbox)
    try:
        assert list(_named(ended)) == [left]
    finally:
        os.kill(left, signal.SIGKILL)
