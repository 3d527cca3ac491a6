"""All of googleapis.com as a program sees it that is told of a proxy and of an authority: nothing of it is changed.

The proxy leads every tunnel to one server of the tests, which has certificates for the names of Google's services.
Requests go on by their Host: to the accounts, to what a test gives for other names, or to an emulator's URL.
"""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Union
from urllib.parse import urlsplit

from tests.fakes import certificates
from tests.fakes.google_accounts import GoogleAccounts
from tests.fakes.scripted_server import Answer, Request, ScriptedServer

ACCOUNTS_HOSTS = ("oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com")
STORAGE_HOSTS = ("storage.googleapis.com", "www.googleapis.com")
KMS_HOST = "cloudkms.googleapis.com"
Service = Union[str, Callable[[Request], Any]]  # an emulator's URL, or what answers


class TunnelProxy:
    """A proxy whose every tunnel leads to one port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def close(self) -> None:
        """Take no more connections."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        if not head.startswith(b"CONNECT "):
            connection.sendall(b"HTTP/1.1 405 Only tunnels\r\nContent-Length: 0\r\n\r\n")
            connection.close()
            return
        target = socket.create_connection(("127.0.0.1", self._port))
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=_copy, args=(target, connection), daemon=True).start()
        _copy(connection, target)


class GoogleFront:
    """Use as `with GoogleFront(folder, accounts) as front`. `seen` is every request in order, of all services.

    services  host -> what answers; hosts of accounts and tokens are there already
    """

    def __init__(self, folder: Path, accounts: GoogleAccounts) -> None:
        certificates.make(folder, "*.googleapis.com")
        self.services: Dict[str, Service] = {}
        self._authority = folder / "ca.pem"
        self._accounts = accounts.routes()
        self._server = ScriptedServer({"*": self._answer}, certificates.server_side(folder))
        self._proxy = TunnelProxy(self._server.port)

    def __enter__(self) -> GoogleFront:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._proxy.close()
        self._server.__exit__()

    @property
    def seen(self) -> List[Request]:
        """Every request in order."""
        return self._server.seen

    @property
    def connections_count(self) -> int:
        """How many connections there were, which is the number of the last."""
        return self._server.connections_count

    def environ(self) -> Dict[str, str]:
        """Return the variables that lead a program here."""
        return {"HTTPS_PROXY": self._proxy.url, "SSL_CERT_FILE": str(self._authority)}

    def _answer(self, request: Request) -> Any:
        try:
            return self._answer_by_host(request, request.headers["host"])
        except Exception as problem:  # a check that failed: the test's program must not wait for an answer
            return Answer(400, {"error": f"{type(problem).__name__}: {problem}"})

    def _answer_by_host(self, request: Request, host: str) -> Any:
        if host in ACCOUNTS_HOSTS:
            route = self._accounts.get(request.line)
            return route(request) if route else Answer(404)
        service = self.services.get(host, lambda _: Answer(404))
        return forward(request, service) if isinstance(service, str) else service(request)


def forward(request: Request, url: str) -> Answer:
    """Return an emulator's answer, as Google gives it: sessions by https://, and no status 308 to who wants none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    headers = {name: text for name, text in request.headers.items() if name not in ("connection", "transfer-encoding")}
    connection.request(request.method, request.target, request.body, headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    kept = {
        name: text.replace("http://", "https://", 1) if name.lower() == "location" else text
        for name, text in answer.getheaders()
        if name.lower() not in ("content-length", "connection", "transfer-encoding")
    }
    if answer.status == 308 and request.headers.get("x-guploader-no-308") == "yes":
        return Answer(200, body=body, headers={**kept, "X-Http-Status-Code-Override": "308"})
    return Answer(answer.status, body=body, headers=kept)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    for one in (source, target):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
