"""The far side of artifact transfers, as cheap as Python can be: what is measured against it is the client.

    python3 far_side.py [--tls FOLDER] [--delay_ms 50] [--connect_delay_ms 100] [--parts]

One loop over sockets that are never waited for. As the Agent API it creates batches of artifacts, takes states, and
finds for the search query `COUNTxSIZE` so many artifacts of so many bytes, all zeros. As a storage it counts and drops
the body of a POST or PUT. With `--parts`, records of 64 MiB and more have instructions in parts where the client can
send them. `--tls` names a folder with `server.pem` and `server.key`. Prints the port. `GET /counts` returns what came
since the last such request.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import os
import selectors
import socket
import ssl
import time
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qs

BLOCK_BYTES = 1024 * 1024
PART_BYTES = 64 * 1024 * 1024
ZEROS = memoryview(bytes(BLOCK_BYTES))
BUSY = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """One client: what has come of its request, and what is left to send of the answer."""

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.pending = b""
        self.left = 0  # bytes of a body that are still to come and to be dropped
        self.answer: Optional[Tuple[bytes, int]] = None  # once they have: a head, and how many zeros
        self.unsent: List[memoryview] = []
        self.unsent_zeros = 0
        self.shaken = not isinstance(client, ssl.SSLSocket)
        self.extra_s = 0.0


class FarSide:
    """The server."""

    def __init__(self, tls_folder: str, delay_s: float, connect_delay_s: float) -> None:
        self._delay_s, self._connect_delay_s = delay_s, connect_delay_s
        self._tls: Optional[ssl.SSLContext] = None
        if tls_folder:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(os.path.join(tls_folder, "server.pem"), os.path.join(tls_folder, "server.key"))
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(512)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._origin = f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._later: List[Tuple[float, int, Connection, Tuple[bytes, int]]] = []
        self._block = bytearray(BLOCK_BYTES)
        self._ids = 0
        self._counts: Dict[str, float] = {}
        self._sums: Dict[int, str] = {}

    def run(self) -> None:
        """Serve until the process is ended."""
        while True:
            wait_s = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
            for key, events in self._selector.select(wait_s):
                if key.data is None:
                    self._accept()
                    continue
                try:
                    if events & selectors.EVENT_WRITE:
                        self._send(key.data)
                    if events & selectors.EVENT_READ:
                        self._receive(key.data)
                except BUSY:
                    pass
                except OSError:
                    self._close(key.data)
            while self._later and self._later[0][0] <= time.monotonic():
                _, _, connection, answer = heapq.heappop(self._later)
                self._start(connection, answer)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except BlockingIOError:
                return
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
            connection = Connection(client)
            connection.extra_s = self._connect_delay_s
            self._count("connections", 1)
            self._selector.register(client, selectors.EVENT_READ, connection)

    def _close(self, connection: Connection) -> None:
        if connection.socket.fileno() >= 0:
            self._selector.unregister(connection.socket)
            connection.socket.close()

    def _receive(self, connection: Connection) -> None:
        if not connection.shaken:
            connection.socket.do_handshake()  # type: ignore[attr-defined]
            connection.shaken = True
        while True:
            got = connection.socket.recv_into(self._block)
            if not got:
                self._close(connection)
                return
            if connection.left >= got:
                connection.left -= got
                if not connection.left:
                    self._answer(connection)
                continue
            connection.pending += memoryview(self._block)[:got]
            self._take_request(connection)

    def _take_request(self, connection: Connection) -> None:
        pending = connection.pending
        end = pending.find(b"\r\n\r\n")
        if end < 0:
            return
        head = pending[:end]
        at = head.lower().find(b"\r\ncontent-length:")
        size = int(head[at + 17 :].partition(b"\r\n")[0]) if at >= 0 else 0
        method, target = head.split(b" ", 2)[:2]
        have = len(pending) - end - 4
        if target.startswith(b"/store/"):
            self._count("files", 1)
            self._count("bytes", size)
            connection.pending, connection.left = b"", size - have
            if method == b"GET":
                zeros = int(target.split(b"/")[2])
                connection.answer = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % zeros, zeros)
            else:
                connection.answer = (b'HTTP/1.1 200 OK\r\nETag: "0"\r\nContent-Length: 0\r\n\r\n', 0)
        elif have < size:
            return
        else:
            connection.pending = b""
            body = json.dumps(self._api(method.decode(), target.decode(), pending[end + 4 :])).encode()
            connection.answer = (
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body, 0
            )  # fmt: skip
        if not connection.left:
            self._answer(connection)

    def _answer(self, connection: Connection) -> None:
        answer, connection.answer = connection.answer, None
        assert answer is not None
        if not self._delay_s:
            self._start(connection, answer)
            return
        self._ids += 1
        at = time.monotonic() + self._delay_s + connection.extra_s
        connection.extra_s = 0.0
        heapq.heappush(self._later, (at, self._ids, connection, answer))

    def _start(self, connection: Connection, answer: Tuple[bytes, int]) -> None:
        head, zeros = answer
        small = min(zeros, BLOCK_BYTES // 16)
        connection.unsent = [memoryview(head + bytes(small))]
        connection.unsent_zeros = zeros - small
        try:
            self._send(connection)
        except BUSY:
            self._selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
        except OSError:
            self._close(connection)

    def _send(self, connection: Connection) -> None:
        while connection.unsent:
            piece = connection.unsent[0]
            sent = connection.socket.send(piece)
            connection.unsent = [piece[sent:]] if sent < len(piece) else []
        while connection.unsent_zeros:
            connection.unsent_zeros -= connection.socket.send(ZEROS[: min(connection.unsent_zeros, BLOCK_BYTES)])
        if self._selector.get_key(connection.socket).events & selectors.EVENT_WRITE:
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _count(self, name: str, amount: float) -> None:
        self._counts[name] = self._counts.get(name, 0) + amount

    def _api(self, method: str, target: str, body: bytes) -> Any:
        path, _, query = target.partition("?")
        if path == "/counts":
            counts, self._counts = self._counts, {}
            return {**counts, "cpu_s": time.process_time()}
        if path.endswith("/artifacts/search"):
            return self._found(parse_qs(query)["query"][0])
        document = json.loads(body)
        if method == "PUT":
            self._count("states", sum(change["state"] == "finished" for change in document["artifacts"]))
            return {}
        return self._created(document)

    def _created(self, document: Dict[str, Any]) -> Dict[str, Any]:
        ids, own = [], {}
        for artifact in document["artifacts"]:
            self._ids += 1
            ids.append(f"00000000-0000-4000-8000-{self._ids:012d}")
            size = artifact["file_size"]
            if size >= PART_BYTES and document.get("multipart_supported") and self.parts:
                own[ids[-1]] = {
                    "actions": [
                        {"url": f"{self._origin}/store/{number}", "method": "PUT", "part_number": number + 1}
                        for number in range(-(-size // PART_BYTES))
                    ]
                }
        form = {
            "data": {"key": "x/${artifact:path}", "acl": "private"},
            "action": {"url": f"{self._origin}/", "method": "POST", "path": "store/form", "file_input": "file"},
        }
        return {
            "id": document["id"], "artifact_ids": ids, "upload_instructions": form, "per_artifact_instructions": own,
        }  # fmt: skip

    parts = False

    def _found(self, query: str) -> List[Dict[str, Any]]:
        count, size = (int(word) for word in query.split("x"))
        if size not in self._sums:
            digest = hashlib.sha256()
            for at in range(0, size, BLOCK_BYTES):
                digest.update(ZEROS[: min(BLOCK_BYTES, size - at)])
            self._sums[size] = digest.hexdigest()
        return [
            {
                "id": f"00000000-0000-4000-8000-{number:012d}", "path": f"files/{number % 20}/f{number}.txt",
                "file_size": size, "url": f"{self._origin}/store/{size}/{number}", "sha256sum": self._sums[size],
                "sha1sum": "", "created_at": "2026-01-01T00:00:00Z",
            }
            for number in range(count)
        ]  # fmt: skip


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tls", default="")
    parser.add_argument("--delay_ms", type=float, default=0)
    parser.add_argument("--connect_delay_ms", type=float, default=0)
    parser.add_argument("--parts", action="store_true")
    asked = parser.parse_args()
    far_side = FarSide(asked.tls, asked.delay_ms / 1000, asked.connect_delay_ms / 1000)
    far_side.parts = asked.parts
    print(far_side.port, flush=True)
    far_side.run()


if __name__ == "__main__":
    main()
