"""An HTTP proxy that leads hosts of the internet to servers of the tests: it opens tunnels (CONNECT), nothing else."""

from __future__ import annotations

import fnmatch
import socket
import threading
from typing import Dict, List


class TunnelProxy:
    """Use as `with TunnelProxy({"*.blob.core.windows.net": port}) as proxy`; `proxy.url` is for HTTPS_PROXY.

    A host that no pattern names is refused (502). `proxy.asked` has every host asked for.
    """

    def __init__(self, ports: Dict[str, int]) -> None:
        self.ports = ports
        self.asked: List[str] = []
        self._lock = threading.Lock()
        self._open: List[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    def __enter__(self) -> TunnelProxy:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for end in self._open:
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
            host = target.rpartition(":")[0]
            port = next((port for name, port in self.ports.items() if fnmatch.fnmatch(host, name)), 0)
            with self._lock:
                self.asked.append(host)
            if method != "CONNECT" or not port:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            server = socket.create_connection(("127.0.0.1", port))
            with self._lock:
                self._open += [client, server]
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()
            server.close()
        except OSError:
            pass
        finally:
            client.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(256 * 1024)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
