"""A leader of the reference: its protocol about locks on a Unix socket, in memory, behind the link of the leader.

    with FakeLeader(folder) as leader:
        ...clients find it by folder/agent-leader...
        leader.states["key"], leader.seen, leader.forget()

It says 404 as the reference does to what only leaders of ours know. Source: package internal/agentapi of the reference.
"""

from __future__ import annotations

import json
import os
import select
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Dict, List, Set
from urllib.parse import parse_qs, urlsplit

from tests.fakes.control_plane import PATIENCE_S, deadline

LINK = "agent-leader"
_NUMBERS = iter(range(1_000_000, 9_000_000))  # no process of this machine has these


class FakeLeader:
    """One leader. `states` are the keys by now, `seen` its requests as (method, path, key)."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.link = folder / LINK
        self.path = folder / f"agent-{next(_NUMBERS)}"
        self.states: Dict[str, str] = {}
        self.seen: List[Any] = []
        self.changed = threading.Condition()
        self._server = _Server(str(self.path), _handler(self))

    def __enter__(self) -> FakeLeader:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.lead()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self.path.exists():
            self.path.unlink()
        if self.link.is_symlink() and os.readlink(self.link) == str(self.path):
            self.link.unlink()

    def hang_until_asked(self) -> bool:
        """Answer no longer, and wait for a client to ask; False when patience ran out."""
        self._server.shutdown()
        return bool(select.select([self._server], [], [], PATIENCE_S)[0])

    def kill(self) -> None:
        """End as by `kill -9`, after `hang_until_asked`: socket and link stay."""
        self._server.socket.close()

    def lead(self) -> None:
        """Put the link in place, in that of another leader if there is one."""
        aside = self.link.with_name(LINK + ".new")
        aside.symlink_to(self.path)
        os.replace(aside, self.link)

    def forget(self) -> None:
        """Lose every state, as a change of leader does."""
        with self.changed:
            self.states.clear()

    def wait_seen(self, method: str, count: int = 1) -> bool:
        """Wait until so many requests of a method have come; False when patience ran out."""
        patient = deadline()
        while sum(request[0] == method for request in self.seen) < count:
            if not patient():
                return False
            with self.changed:
                self.changed.wait(0.05)
        return True

    def swap(self, key: str, old: str, new: str) -> "tuple[str, bool]":
        with self.changed:
            swapped = self.states.get(key, "") == old
            if swapped:
                self.states[key] = new
            return self.states.get(key, ""), swapped


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(leader: FakeLeader) -> type:
    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "local"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, status: int, document: Any) -> None:
            body = json.dumps(document).encode() + b"\n" if document is not None else b"404 page not found\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            key = (parse_qs(address.query, errors="surrogateescape").get("key") or [""])[0]
            with leader.changed:
                leader.seen.append((self.command, address.path, key))
                leader.changed.notify_all()
            self._answer(*_answer_to(leader, self.command, address.path, key, body))

        do_GET = do_PATCH = do_POST = _serve

    return Handler


def _answer_to(leader: FakeLeader, method: str, path: str, key: str, body: bytes) -> "tuple[int, Any]":
    known: Set[str] = {"/api/leader/v0/lock", "/api/leader/v0/lock/"}
    if (method, path) == ("GET", "/api/leader/v0/ping"):
        now = time.time()
        return 200, {"now": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e9):09d}Z"}
    if path not in known:
        return 404, None
    if not key:
        return 404, {"error": "key missing"}
    if method == "GET":
        return 200, {"value": leader.states.get(key, "")}
    document = json.loads(body)
    value, swapped = leader.swap(key, document["old"], document["new"])
    return 200, {"value": value, "swapped": swapped}
