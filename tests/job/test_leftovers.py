"""What a job leaves running: it holds nothing up, the log names it, and it is ended where that is wanted."""

import os
import signal
import sys
import time
from typing import Dict, List

import pytest

from tests.job.conftest import Ended, Place

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows environments")

_REPORTED, _ENDED = "~~~ Left running by this job", "~~~ Ending what this job has left running"
# Says its number when nothing can reach it any more but by that; `exec` keeps the shell's number.
_LEAVE = '{setsid} sh -c \'{trap}echo $$ >>"$SEEN"; exec sleep 300\' <{stdin} >{out} 2>&1 &'
_AWAIT = 'while [ "$(wc -l <"$SEEN")" -lt {count} ]; do :; done'


def _leaving(count: int = 1, **how: str) -> str:
    how = {"setsid": "setsid", "trap": "", "stdin": "/dev/null", "out": "/dev/null", **how}
    lines = [': >>"$SEEN"', *[_LEAVE.format(**how)] * count, _AWAIT.format(count=count)]
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


def _left(place: Place) -> List[int]:
    return [int(line) for line in place.seen()]


def _named(ended: Ended) -> Dict[int, str]:
    """Return the processes that the log names."""
    split = [line.split(": ", 1) for line in ended.lines if line.startswith("pid ")]
    return {int(pid[4:]): command for pid, command in split}


def test_what_stays_is_named_and_left_alone(place: Place) -> None:
    ended = place.run(_leaving(2))
    left = _left(place)
    try:
        assert ended.status == 0
        assert ended.has(_REPORTED)
        assert _named(ended) == dict.fromkeys(left, "sleep 300")
        assert all(map(_alive, left))
    finally:
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def test_what_stays_is_ended_where_that_is_wanted(place: Place) -> None:
    ended = place.run(_leaving(), leftovers="end")
    (left,) = _left(place)
    assert ended.status == 0
    assert ended.has(_ENDED)
    assert list(_named(ended)) == [left]
    assert _await_end(left)


def test_what_ignores_the_request_is_killed(place: Place) -> None:
    place.run(_leaving(trap='trap "" TERM; '), leftovers="end")
    (left,) = _left(place)
    assert _await_end(left)


def test_a_hooks_process_counts_and_may_hold_the_output(place: Place) -> None:
    place.hook("pre-exit", _leaving(stdin="/dev/stdin", out="/dev/stdout"))
    ended = place.run("true", leftovers="end")
    assert list(_named(ended)) == _left(place)


def test_nothing_is_said_where_nothing_stays(place: Place) -> None:
    # The terminal of the command takes what has no session of its own along.
    ended = place.run("sleep 0.01 & wait")
    assert not ended.has(_REPORTED)
    assert not any("left running" in line.lower() for line in ended.lines)


def test_a_command_line_cannot_forge_lines_of_the_log(place: Place) -> None:
    # As the name of a program: a shell that has told its number waits for input that never ends.
    named = "$(printf 'a\\n+++ forged\\033[31m')"
    script = f': >>"$SEEN"; setsid sh -c \'echo $$ >>"$SEEN"; sleep 300; :\' "{named}" </dev/null >/dev/null 2>&1 &'
    ended = place.run(script + "\n" + _AWAIT.format(count=1), leftovers="end")
    assert not ended.has("+++ forged")
    assert any(line.endswith("a +++ forged [31m") for line in _named(ended).values())


def test_jobs_inside_a_job_are_still_the_outer_ones(place: Place) -> None:
    ended = place.run(_leaving(), {"BKAGENT_JOB_MARK": ":outer"}, leftovers="end")
    assert _await_end(_left(place)[0])
    assert ended.status == 0
    inner = place.run('echo "$BKAGENT_JOB_MARK"', {"BKAGENT_JOB_MARK": ":outer"}, job_id="job-2")
    assert inner.lines[-1].startswith(":outer:")
