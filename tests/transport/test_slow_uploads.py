"""Uploads over lines that are slow, and to servers that have stopped to read: the first arrive, the others end."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Iterator, List

import pytest

from bkagent.errors import Unreachable
from bkagent.system.unsent_bytes import unacknowledged_bytes
from bkagent.transport.client.body import BodyWatch, FileBody
from bkagent.transport.client.http_client import Pool

LIMIT_S = 1.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
SIZE_BYTES = 1_500_000  # more than a client writes at once, less than what its system takes into the send buffer


class SlowServer:
    """Reads `read_bytes` of each request at `pace_s` a piece of 16 KB, then no more; answers what has come whole."""

    def __init__(self, read_bytes: int, pace_s: float) -> None:
        self.got_bytes: List[int] = []
        self._read_bytes, self._pace_s, self._ended = read_bytes, pace_s, threading.Event()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Let go of the client."""
        self._ended.set()
        self._listener.close()

    def _serve(self) -> None:
        connection = self._listener.accept()[0]
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(1024)
            got = len(data.partition(b"\r\n\r\n")[2])
            while got < self._read_bytes:
                got += len(connection.recv(16 * 1024))
                time.sleep(self._pace_s)
            self.got_bytes.append(got)
            if got >= SIZE_BYTES:
                connection.sendall(ANSWER)
            self._ended.wait(60)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(250)) * (SIZE_BYTES // 250))
    yield path


def put(server: SlowServer, file: Path, sent: "List[int]") -> int:
    pool = Pool("http://localhost", {}, timeout_s=LIMIT_S)
    try:
        watch = BodyWatch()
        watch.sent = sent.append  # type: ignore[method-assign]
        body = FileBody(str(file), SIZE_BYTES, watch=watch)
        return pool.request_url("PUT", server.url + "/x", {}, body).status
    finally:
        pool.close()
        server.close()


def test_a_slow_line_takes_longer_than_the_limit_and_arrives(file: Path) -> None:
    with socket.socket() as unconnected:
        if unacknowledged_bytes(unconnected) is None:
            pytest.skip("this system does not say what has been acknowledged")
    server, sent = SlowServer(SIZE_BYTES, 0.03), []  # type: SlowServer, List[int]
    began = time.monotonic()
    assert put(server, file, sent) == 200
    assert time.monotonic() - began > 2 * LIMIT_S  # else this has shown nothing
    assert sum(sent) == SIZE_BYTES and server.got_bytes == [SIZE_BYTES]


@pytest.mark.parametrize("read_bytes", [0, 200_000])
def test_a_server_that_stops_to_read_ends_the_request(file: Path, read_bytes: int) -> None:
    with pytest.raises(Unreachable, match="PUT .*: timed out"):
        put(SlowServer(read_bytes, 0.0), file, [])
