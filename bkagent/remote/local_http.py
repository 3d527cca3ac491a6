"""HTTP over a local socket in a few lines of `_socket`, for commands that must start fast. On the short path.

Requests say HTTP/1.0, so that every server answers in one piece and closes: no chunks, nothing kept alive. A process
that runs many commands keeps its connection to the job all the same, where the job's own process answers.
"""

import _socket
import time

from bkagent.errors import ConfigError, Unreachable
from bkagent.system import local_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, List, Mapping, Optional, Tuple

ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
_BLOCK_BYTES = 256 * 1024
_FIRST_BLOCK_BYTES = 16 * 1024  # most answers are shorter, and for more memory the system is asked anew
_SILENCE_S = 15.0
_JOB = "the job's local socket"
_BODILESS = (204, 304)
_keeps = False
_kept: "List[Tuple[Tuple[str, str], float, local_socket.Connection]]" = []  # whose, last use; one at most
_KEPT_FOR_S = 60.0  # half of what the job's process keeps one for


class Stalled(Unreachable):
    """The other end is there, and its answer did not come in time."""


class NoSocket(Exception):
    """The socket does not exist, or cannot be reached from here (from another container, for example)."""


class LocalHeaders:
    """Headers of an answer; names compare without case."""

    __slots__ = ("_values",)

    def __init__(self, values: "Dict[str, str]") -> None:
        self._values = values  # by name in lower case

    def items(self) -> "Iterable[Tuple[str, str]]":
        """Return (name, value) of every header, names in lower case."""
        return self._values.items()

    def get(self, name: str, default: "Optional[str]" = None) -> "Optional[str]":
        """Return one header's value."""
        return self._values.get(name.lower(), default)


def exchange(
    path: str,
    method: str,
    target: str,
    headers: "Mapping[str, str]",
    body: bytes,
    timeout_s: float,
    service: str = _JOB,
    on_silence: "Callable[[], None]" = lambda: None,
) -> "Tuple[int, LocalHeaders, bytes]":
    """Send one request to the socket at `path`; return status, headers and body. `service` names it in errors.

    `on_silence()` is called again and again while nothing comes; what it raises ends the exchange.

    Raises NoSocket if it cannot connect, Unreachable if the connection ends before the answer, Stalled if that does
    not come: nothing has come for `timeout_s`.
    """
    keeps = _keeps and service == _JOB
    job = path, headers.get("Authorization", "")  # who sits at a path may have been another before
    lines = [f"{method} {target} HTTP/1.0", "Host: job", f"Content-Length: {len(body)}"]
    if keeps:
        lines.append("Connection: keep-alive")
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ConfigError(f"the value for the request header {name} has a line break")
        lines.append(f"{name}: {value}")
    try:
        # A queue that is full says that the job's process is busy: no reason to give up before an answer would be late.
        connection = (_take_kept(job) if keeps else None) or local_socket.connect(path, timeout_s)
    except (OSError, ValueError) as problem:
        raise NoSocket(f"{path}: {problem}") from problem
    try:
        connection.settimeout(timeout_s)
        try:
            connection.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read to its end; the answer says why
        status, answered, data, is_whole = _answer(connection, timeout_s, on_silence)
    except OSError as problem:
        connection.close()
        kind = Stalled if isinstance(problem, _socket.timeout) else Unreachable
        raise kind(f"{method} {target} on {service}: {problem.strerror or problem}") from problem
    except BaseException:
        connection.close()
        raise
    if keeps and is_whole and (answered.get("connection") or "").lower() != "close" and not _kept:
        _kept.append((job, time.monotonic(), connection))
    else:
        connection.close()
    return status, answered, data


def keep_connection() -> None:
    """Keep the connection to the job from now on, for the next command."""
    global _keeps
    _keeps = True


def kept_count() -> int:
    """Return how many connections are kept."""
    return len(_kept)


def _take_kept(job: "Tuple[str, str]") -> "Optional[local_socket.Connection]":
    """Return the connection to this job that is kept; None where there is none, or its server has closed it.

    `job` is the path of the socket and what a request shows there.
    """
    try:
        kept_job, used_at, connection = _kept.pop()
    except IndexError:
        return None
    if kept_job == job and time.monotonic() < used_at + _KEPT_FOR_S:
        connection.settimeout(0)
        try:
            connection.recv(1)
        except BlockingIOError:
            return connection
        except OSError:
            pass
    connection.close()
    return None


def _answer(
    connection: "local_socket.Connection", timeout_s: float, on_silence: "Callable[[], None]"
) -> "Tuple[int, LocalHeaders, bytes, bool]":
    """Return status, headers and body, and whether that was all that came, by what the head says of it."""
    received = bytearray()
    end, expected_bytes = -1, -1
    while True:
        block = _receive(connection, _BLOCK_BYTES if received else _FIRST_BLOCK_BYTES, timeout_s, on_silence)
        received += block
        if end < 0:
            end = received.find(b"\r\n\r\n")
            if end >= 0:
                status, values = _head(bytes(received[:end]))
                length = values.get("content-length", "")
                expected_bytes = end + 4 + int(length) if length.isdigit() and len(length) < 16 else -1
                if status in _BODILESS:
                    expected_bytes = end + 4
        if 0 <= expected_bytes <= len(received):
            is_whole = expected_bytes == len(received) and received.startswith(b"HTTP/1.1 ")
            return status, LocalHeaders(values), bytes(received[end + 4 : expected_bytes]), is_whole
        if not block:
            if end < 0 or expected_bytes >= 0:
                raise OSError("the connection closed before the answer was complete")
            return status, LocalHeaders(values), bytes(received[end + 4 :]), False
        if len(received) > ANSWER_LIMIT_BYTES:
            raise OSError("the answer is too long")


def _receive(
    connection: "local_socket.Connection", most_bytes: int, timeout_s: float, on_silence: "Callable[[], None]"
) -> bytes:
    deadline = time.monotonic() + timeout_s
    connection.settimeout(min(timeout_s, _SILENCE_S))
    while True:
        try:
            return connection.recv(most_bytes)
        except _socket.timeout:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise
        on_silence()
        connection.settimeout(min(left_s, _SILENCE_S))


def _head(head: bytes) -> "Tuple[int, Dict[str, str]]":
    lines = head.decode("latin-1").split("\r\n")
    code = lines[0].partition(" ")[2][:3]
    if not lines[0].startswith("HTTP/1.") or not code.isdigit():
        raise OSError("the answer is not HTTP")
    values = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        values[name.lower()] = value.strip()
    return int(code), values
