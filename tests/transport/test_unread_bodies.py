"""Long files, which the system sends without their being read."""

from __future__ import annotations

import hashlib
import os
import random
import socket
import sys
import threading
from pathlib import Path
from typing import Callable, List, Optional

import pytest

from bkagent.artifacts.file_identity import FileChanged, FileIdentity, FileWatch, now_ns
from bkagent.errors import AgentError, Unreachable
from bkagent.system import file_sending
from bkagent.transport.client.body import BodyWatch, FileBody
from bkagent.transport.client.http_client import Pool

MIB = 1024 * 1024
SIZE_MIB = 64  # more than the buffers of a connection hold by themselves: so some of it is sent unread
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DAY_NS = 24 * 3600 * 10**9


class Server:
    """Takes one request, and calls `act` when `act_at_bytes` of its body have come."""

    def __init__(self, act_at_bytes: int = 0, act: Optional[Callable[[socket.socket], None]] = None) -> None:
        self._act_at_bytes, self._act = act_at_bytes, act
        self.body = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/x"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        connection = self._listener.accept()[0]
        with connection, self._listener:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(1024)
            head, _, rest = data.partition(b"\r\n\r\n")
            body, size = bytearray(rest), int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < size:
                if self._act is not None and len(body) >= self._act_at_bytes:
                    self._act(connection)
                    self._act = None
                try:
                    piece = connection.recv(64 * 1024)
                except OSError:
                    break
                if not piece:
                    break
                body += piece
            self.body = bytes(body)
            if len(body) == size:
                connection.sendall(ANSWER)

    def ended(self) -> bytes:
        """Return the body once all of it has come, or its connection has ended."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.body


@pytest.fixture(scope="module")
def content() -> bytes:
    return random.Random(7).getrandbits(8 * MIB).to_bytes(MIB, "little") * SIZE_MIB + b"end"


@pytest.fixture
def path(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(content)
    os.utime(path, ns=(now_ns() - DAY_NS, now_ns() - DAY_NS))
    return path


def watch_of(path: Path, content: bytes, sent: List[int]) -> FileWatch:
    identity = FileIdentity.of(os.stat(path), now_ns() + DAY_NS)  # as if it had not just been written
    return FileWatch(str(path), identity, hashlib.sha256(content).hexdigest(), sent.append)


def put(server: Server, body: FileBody, limit_s: float = 20.0) -> int:
    pool = Pool("http://localhost", {}, timeout_s=limit_s)
    try:
        return pool.request_url("PUT", server.url, {}, body).status
    finally:
        pool.close()


def test_every_byte_arrives_once_and_is_counted(path: Path, content: bytes) -> None:
    server, sent = Server(), []  # type: Server, List[int]
    body = FileBody(str(path), len(content), 0, b"before", b"after", watch_of(path, content, sent))
    assert put(server, body) == 200
    assert server.ended() == b"before" + content + b"after" and sum(sent) == len(content)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such way")
@pytest.mark.parametrize("limit_mib, unread_mib", [(1, SIZE_MIB - 16), (20, SIZE_MIB - 20), (SIZE_MIB + 1, 0)])
def test_only_the_end_is_read_as_much_as_buffers_hold(
    path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, limit_mib: int, unread_mib: int
) -> None:
    class ReadingWatch(BodyWatch):
        read_bytes = 0

        def read(self, block: memoryview) -> None:
            self.read_bytes += len(block)

    monkeypatch.setattr(file_sending, "buffered_limit_bytes", lambda: limit_mib * MIB)
    server, watch = Server(), ReadingWatch()
    assert put(server, FileBody(str(path), len(content), watch=watch)) == 200
    assert server.ended() == content
    assert watch.read_bytes == len(content) - (unread_mib and unread_mib * MIB + len(b"end"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such way")
def test_a_connection_holds_no_more_than_its_limit_says() -> None:
    """A side that has read fast and stops leaves the most that a connection ever holds to its buffers."""
    received_bytes, block, goal_bytes = 0, bytes(MIB), 128 * MIB
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near, far = socket.create_connection(listener.getsockname()), listener.accept()[0]

    def receive() -> None:
        nonlocal received_bytes
        while received_bytes < goal_bytes:
            received_bytes += len(far.recv(4 * MIB))

    receiver, sent_bytes = threading.Thread(target=receive), 0
    with near, far:
        receiver.start()
        near.settimeout(0.5)
        with pytest.raises(socket.timeout):
            while True:
                sent_bytes += near.send(block)
        receiver.join(30)
    assert goal_bytes <= received_bytes <= sent_bytes <= received_bytes + file_sending.buffered_limit_bytes()


def test_a_part_is_of_its_own_bytes(path: Path, content: bytes) -> None:
    server, sent = Server(), []  # type: Server, List[int]
    body = FileBody(str(path), 50 * MIB, 5 * MIB + 3, watch=watch_of(path, content, sent))
    assert put(server, body) == 200
    assert server.ended() == content[5 * MIB + 3 :][: 50 * MIB] and sum(sent) == 50 * MIB


@pytest.mark.parametrize("at_bytes", [1, 20 * MIB, 50 * MIB])
def test_a_file_that_changes_on_the_way_is_never_sent_whole(path: Path, content: bytes, at_bytes: int) -> None:
    def change(connection: socket.socket) -> None:
        with path.open("r+b") as file:
            file.seek(21 * MIB)
            file.write(bytes(MIB))

    server, sent = Server(at_bytes, change), []  # type: Server, List[int]
    with pytest.raises(FileChanged):
        put(server, FileBody(str(path), len(content), watch=watch_of(path, content, sent)))
    assert len(server.ended()) < len(content)


def test_a_file_that_becomes_shorter_is_named(path: Path, content: bytes) -> None:
    server, sent = Server(1, lambda connection: os.truncate(path, 10 * MIB)), []  # type: Server, List[int]
    with pytest.raises(AgentError, match="file has become shorter"):
        put(server, FileBody(str(path), len(content), watch=watch_of(path, content, sent)))
    assert len(server.ended()) < len(content)


def test_a_server_that_ends_the_connection_is_out_of_reach(path: Path, content: bytes) -> None:
    def reset(connection: socket.socket) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    server, sent = Server(MIB, reset), []  # type: Server, List[int]
    with pytest.raises(Unreachable):
        put(server, FileBody(str(path), len(content), watch=watch_of(path, content, sent)))
    assert sum(sent) < len(content)


def test_a_server_that_stops_to_read_ends_the_request(path: Path, content: bytes) -> None:
    is_over = threading.Event()
    server, sent = Server(MIB, lambda connection: bool(is_over.wait(30)) and None), []  # type: Server, List[int]
    try:
        with pytest.raises(Unreachable):
            put(server, FileBody(str(path), len(content), watch=watch_of(path, content, sent)), limit_s=0.5)
    finally:
        is_over.set()
    assert len(server.ended()) < len(content)


def test_a_system_without_the_call_reads_all(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sendfile", raising=False)
    server, sent = Server(), []  # type: Server, List[int]
    assert put(server, FileBody(str(path), len(content), watch=watch_of(path, content, sent))) == 200
    assert server.ended() == content and sum(sent) == len(content)
