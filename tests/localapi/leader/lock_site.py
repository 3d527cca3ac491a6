"""A socket with the routes of a leader behind it, and a client that speaks HTTP to it."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Callable, Dict, List, Optional, Tuple, Union

from bkagent.localapi.answers import apology
from bkagent.localapi.leader.bids import Bid
from bkagent.localapi.leader.holder_watch import HolderWatch
from bkagent.localapi.leader.leader_server import LeaderServer
from bkagent.localapi.leader.lock_routes import LockRoutes
from bkagent.localapi.leader.lock_table import LockTable, Outcome
from bkagent.localapi.socket_listener import SocketListener
from bkagent.system import local_socket
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.http_server import HttpServer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request

WAIT_S = 30.0


def ask_table(
    table: LockTable,
    key: str,
    bid: Bid,
    wait_s: Optional[float] = 0,
    is_connected: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Ask for a key and wait on this thread; `wait_s` None is for ever."""
    known = threading.Event()
    waiter = table.enter(key, bid, is_connected, known.set, may_wait=wait_s != 0)
    known.wait(2 * WAIT_S if wait_s is None else wait_s)
    return table.leave(key, waiter)


class ServedSocket:
    """A leader's socket in this process, served by `answer`: as an agent does it, or by a thread for each client."""

    def __init__(
        self,
        folder: str,
        answer: Callable[[Request], Union[Answer, Later]],
        report: Callable[..., None],
        with_threads: bool = False,
    ) -> None:
        self.server: Union[LeaderServer, ThreadedServer]
        self.server = (ThreadedServer if with_threads else LeaderServer)(folder, answer, report)
        self.path = self.server.open()
        link = os.path.join(folder, "agent-leader")
        local_socket.link(link, self.path)

    def stop(self) -> None:
        self.server.close()

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


class ThreadedServer:
    """The server of a system whose sockets are not selectable."""

    def __init__(
        self, folder: str, answer: Callable[[Request], Union[Answer, Later]], report: Callable[..., None]
    ) -> None:
        self._path = os.path.join(folder, "agent-1")
        listener = SocketListener(self._path, local_socket.listen(self._path, 128))
        self._server = HttpServer(listener, answer, report, apology=apology)

    def open(self) -> str:
        self._server.start()
        return self._path

    def close(self) -> None:
        self._server.stop()
        os.unlink(self._path)


class LockSite(ServedSocket):
    """The routes, with a table without a journal."""

    def __init__(self, folder: str, keys_count: int = 1000, with_threads: bool = False) -> None:
        self.reports: List[Tuple[str, ...]] = []
        self.table = LockTable(None, HolderWatch(self.report).watch, keys_count=keys_count)
        self.table.lead()
        super().__init__(folder, LockRoutes(self.table).answer, self.report, with_threads)

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
