"""A socket with the routes of a leader behind it, and a client that speaks HTTP to it."""

from __future__ import annotations

import json
import os
import socket
from typing import Callable, Dict, List, Tuple

from bkagent.localapi.answers import apology
from bkagent.localapi.leader.holder_watch import HolderWatch
from bkagent.localapi.leader.lock_routes import LockRoutes
from bkagent.localapi.leader.lock_table import LockTable
from bkagent.localapi.socket_listener import SocketListener
from bkagent.system import local_socket
from bkagent.transport.answer import Answer
from bkagent.transport.http_server import HttpServer
from bkagent.transport.request import Request

WAIT_S = 30.0


class ServedSocket:
    """A leader's socket in this process, served by `answer`."""

    def __init__(self, folder: str, answer: Callable[[Request], Answer], report: Callable[..., None]) -> None:
        self.path = os.path.join(folder, "agent-1")
        listener = SocketListener(self.path, local_socket.listen(self.path, 128))
        self.server = HttpServer(listener, answer, report, apology=apology)
        self.server.start()

    def stop(self) -> None:
        self.server.stop()
        os.unlink(self.path)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(WAIT_S)
        client.connect(self.path)
        return client

    def send(self, method: str, target: str, body: bytes = b"") -> socket.socket:
        """Send a request on a connection of its own, which is returned."""
        client = self.connect()
        client.sendall(request_bytes(method, target, body))
        return client

    def ask(self, method: str, target: str, body: bytes = b"") -> "Tuple[int, Dict[str, List[str]], bytes]":
        """Return status, headers by their names and body of the answer."""
        with self.send(method, target, body) as client:
            return read_answer(client)

    def post(self, target: str, **fields: object) -> "Tuple[int, object]":
        """Return status and document of the answer to a request of ours."""
        status, _, body = self.ask("POST", target, json.dumps(fields).encode())
        return status, json.loads(body)


class LockSite(ServedSocket):
    """The routes, with a table without a journal."""

    def __init__(self, folder: str, keys_count: int = 1000) -> None:
        self.reports: List[Tuple[str, ...]] = []
        self.table = LockTable(None, HolderWatch(self.report).watch, keys_count=keys_count)
        self.table.lead()
        super().__init__(folder, LockRoutes(self.table).answer, self.report)

    def report(self, *about: str) -> None:
        self.reports.append(about)

    def stop(self) -> None:
        self.table.follow()
        super().stop()


def request_bytes(method: str, target: str, body: bytes = b"") -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nHost: agent\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body


def read_answer(client: socket.socket) -> "Tuple[int, Dict[str, List[str]], bytes]":
    receive: Callable[[], bytes] = lambda: client.recv(65536)  # noqa: E731
    head, _, body = b"".join(iter(receive, b"")).partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers: Dict[str, List[str]] = {}
    for line in lines:
        name, _, text = line.partition(": ")
        headers.setdefault(name, []).append(text)
    return int(status.split()[1]), headers, body
