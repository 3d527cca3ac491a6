"""HTTP over a local socket in a few lines of `_socket`, for commands that must start fast. On the short path.

Requests say HTTP/1.0, so that every server answers in one piece and closes: no chunks, nothing kept alive.
"""

from bkagent.errors import ConfigError, Unreachable
from bkagent.system import local_socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from typing import Dict, Iterable, Mapping, Optional, Tuple

ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
_BLOCK_BYTES = 256 * 1024


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
    service: str = "the job's local socket",
) -> "Tuple[int, LocalHeaders, bytes]":
    """Send one request to the socket at `path`; return status, headers and body. `service` names it in errors.

    Raises NoSocket if it cannot connect, Unreachable if the connection ends or stalls before the answer.
    """
    lines = [f"{method} {target} HTTP/1.0", "Host: job", f"Content-Length: {len(body)}"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ConfigError(f"the value for the request header {name} has a line break")
        lines.append(f"{name}: {value}")
    try:
        # A queue that is full says that the job's process is busy: no reason to give up before an answer would be late.
        connection = local_socket.connect(path, timeout_s)
    except (OSError, ValueError) as problem:
        raise NoSocket(f"{path}: {problem}") from problem
    try:
        connection.settimeout(timeout_s)
        try:
            connection.sendall("\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was read to its end; the answer says why
        return _answer(connection)
    except OSError as problem:
        raise Unreachable(f"{method} {target} on {service}: {problem.strerror or problem}") from problem
    finally:
        connection.close()


def _answer(connection: "_socket.socket") -> "Tuple[int, LocalHeaders, bytes]":
    received = bytearray()
    end, expected_bytes = -1, -1
    while True:
        block = connection.recv(_BLOCK_BYTES)
        received += block
        if end < 0:
            end = received.find(b"\r\n\r\n")
            if end >= 0:
                status, values = _head(bytes(received[:end]))
                length = values.get("content-length", "")
                expected_bytes = end + 4 + int(length) if length.isdigit() and len(length) < 16 else -1
        if 0 <= expected_bytes <= len(received):
            return status, LocalHeaders(values), bytes(received[end + 4 : expected_bytes])
        if not block:
            if end < 0 or expected_bytes >= 0:
                raise OSError("the connection closed before the answer was complete")
            return status, LocalHeaders(values), bytes(received[end + 4 :])
        if len(received) > ANSWER_LIMIT_BYTES:
            raise OSError("the answer is too long")


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
