"""Ask a leader whether it is alive, by the rule of the reference: an answer in time, which is not old either."""

from __future__ import annotations

import time

from bkagent.system import local_socket
from bkagent.wire import go_decoding, timestamps
from bkagent.wire.lock_protocol import PING

BUDGET_S = 0.1
OLDEST_S = 0.1
_LIMIT_BYTES = 64 * 1024
_REQUEST = f"GET {PING} HTTP/1.0\r\nHost: agent\r\n\r\n".encode("ascii")


class NoLeader(Exception):
    """Nothing serves where the leader should: there is no socket, or its process is gone."""


class LateLeader(Exception):
    """Something serves there and does not answer as a leader must."""


class SilentLeader(LateLeader):
    """It does not answer at all."""


def ping(path: str, budget_s: float = BUDGET_S) -> None:
    """Return once the leader at `path` has answered. Raises NoLeader, LateLeader or SilentLeader."""
    deadline = time.monotonic() + budget_s
    try:
        connection = local_socket.connect(path, budget_s)
    except BlockingIOError as problem:
        raise SilentLeader(f"it does not accept connections: {problem}") from problem
    except OSError as problem:
        raise NoLeader(str(problem)) from problem
    try:
        connection.settimeout(budget_s)
        connection.sendall(_REQUEST)
        answer = b""
        while len(answer) < _LIMIT_BYTES:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            block = connection.recv(_LIMIT_BYTES)
            if not block:
                break
            answer += block
    except OSError as problem:
        raise SilentLeader(f"it gave no answer within {budget_s * 1000:.0f} ms ({problem})") from problem
    finally:
        connection.close()
    _check(answer)


def _check(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split(b" ")[1:2] != [b"200"]:
        raise LateLeader("its answer to a ping is an error")
    try:
        document = go_decoding.loads(body)
    except ValueError:
        document = None
    now = document.get("now") if isinstance(document, dict) else None
    moment = timestamps.moment_of(now) if isinstance(now, str) else None
    if moment is None:
        raise LateLeader("its answer to a ping has no time")
    if time.time() - moment > OLDEST_S:
        raise LateLeader(f"its answer to a ping is {time.time() - moment:.1f} s old")
