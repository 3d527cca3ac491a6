"""A small agent of the reference, as far as the Agent API goes: it serves, takes the lead, and loses it, by its rules.

    python leader.py FOLDER

Source: runAgentAPI and leaderPinger of clicommand/agent_start.go, package internal/agentapi.
"""

from __future__ import annotations

import http.client
import http.server
import json
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Tuple
from urllib.parse import parse_qs, urlsplit

TICK_S = 0.1
BUDGET_S = 0.1


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the socket at a path."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("agent", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(
    path: "str | Path", method: str, target: str, document: object = None, timeout_s: float = 30
) -> Tuple[int, Any]:
    """Send a request to the socket at `path`; return the status and the decoded answer. Raises OSError."""
    connection = UnixConnection(str(path), timeout_s)
    try:
        connection.request(method, target, None if document is None else json.dumps(document))
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body[:1] in (b"{", b"[") else body
    except http.client.HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        connection.close()


def leads(path: "str | Path") -> bool:
    """Say whether a leader answers at `path` as the reference asks of it."""
    try:
        status, answer = ask(path, "GET", "/api/leader/v0/ping", timeout_s=BUDGET_S)
        moment = datetime.strptime(answer["now"][:26].rstrip("Z"), "%Y-%m-%dT%H:%M:%S.%f")
    except (OSError, ValueError, KeyError):
        return False
    return status == 200 and time.time() - moment.replace(tzinfo=timezone.utc).timestamp() <= BUDGET_S


class FakeLeader:
    """A process that takes part in the Agent API of a folder as an agent of the reference does. End it with `with`."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-I", "-S", __file__, str(folder)], stdout=subprocess.PIPE)
        self.path = str(folder / f"agent-{self.process.pid}")
        assert self.process.stdout is not None and self.process.stdout.readline() == b"ready\n"

    def __enter__(self) -> "FakeLeader":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    locks: Dict[str, str] = {}
    turn = threading.Lock()

    def address_string(self) -> str:
        return "agent"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path, key = self._key()
        if path == "/api/leader/v0/ping":
            self._answer(200, {"now": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")})
        elif path.rstrip("/") != "/api/leader/v0/lock":
            self._answer(404, None)
        elif not key:
            self._answer(404, {"error": "key missing"})
        else:
            self._answer(200, {"value": self.locks.get(key, "")})

    def do_PATCH(self) -> None:
        change = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        _, key = self._key()
        with self.turn:
            swapped = self.locks.get(key, "") == change["old"]
            if swapped:
                self.locks[key] = change["new"]
            self._answer(200, {"value": self.locks.get(key, ""), "swapped": swapped})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(404, None)

    def _key(self) -> Tuple[str, str]:
        parts = urlsplit(self.path)
        return parts.path, parse_qs(parts.query).get("key", [""])[0]

    def _answer(self, status: int, document: object) -> None:
        body = b"404 page not found\n" if document is None else json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if document is None else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128

    def get_request(self) -> Tuple[socket.socket, Any]:
        return super().get_request()[0], ("agent", 0)

    def handle_error(self, request: object, client_address: object) -> None:
        pass


def _main(folder: str) -> None:
    path, link = os.path.join(folder, f"agent-{os.getpid()}"), os.path.join(folder, "agent-leader")
    if os.path.exists(path):
        os.unlink(path)
    threading.Thread(target=_Server(path, _Handler).serve_forever, daemon=True).start()
    try:
        os.symlink(path, link)
    except FileExistsError:
        pass
    print("ready", flush=True)
    while True:
        time.sleep(TICK_S)
        try:
            alive = os.readlink(link) == path or leads(link)
        except OSError:
            alive = False
        if not alive:
            try:
                os.unlink(link)
            except OSError:
                pass
            try:
                os.symlink(path, link)
            except OSError:
                pass


if __name__ == "__main__":
    _main(sys.argv[1])
