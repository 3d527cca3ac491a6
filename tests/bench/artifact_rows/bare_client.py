"""The least that a client of the far side's storage can do: one loop, bytes that are ready, answers that are counted.

python3 bare_client.py PORT up|down COUNT SIZE CONNECTIONS [CA_FILE]
"""

from __future__ import annotations

import selectors
import socket
import ssl
import sys

FORM_BYTES = 450  # what a form adds to a file, about
BLOCK_BYTES = 1024 * 1024
BUSY = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Connection:
    """One connection: what it has left to send and to receive of its request."""

    def __init__(self, port: int, ca_file: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca_file:
            self.socket = ssl.create_default_context(cafile=ca_file).wrap_socket(
                self.socket, server_hostname="localhost"
            )
        self.socket.setblocking(False)
        self.head = b""
        self.unsent = self.left = 0


def main() -> None:
    """Send and receive."""
    port, direction, count, size, connections_count = int(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])
    ca_file = sys.argv[6] if len(sys.argv) > 6 else ""
    if direction == "up":
        body_bytes = size + FORM_BYTES
        head = b"POST /store/form HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % body_bytes
    else:
        body_bytes, head = 0, b"GET /store/%d/1 HTTP/1.1\r\nHost: a\r\n\r\n" % size
    block, zeros = bytearray(BLOCK_BYTES), memoryview(bytes(BLOCK_BYTES))
    selector = selectors.DefaultSelector()
    asked = done = 0

    def ask(connection: Connection) -> None:
        nonlocal asked
        if asked == count:
            return
        asked += 1
        first = head + bytes(min(body_bytes, 64 * 1024))
        connection.left, connection.unsent = -1, body_bytes - len(first) + len(head)
        connection.socket.send(first)  # less than any socket's buffer
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        selector.modify(connection.socket, events, connection)

    for _ in range(min(connections_count, count)):
        connection = Connection(port, ca_file)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        ask(connection)
    while done < count:
        for key, events in selector.select():
            connection = key.data
            try:
                while events & selectors.EVENT_WRITE and connection.unsent:
                    connection.unsent -= connection.socket.send(zeros[: min(connection.unsent, BLOCK_BYTES)])
                if not connection.unsent and events & selectors.EVENT_WRITE:
                    selector.modify(connection.socket, selectors.EVENT_READ, connection)
                while True:
                    got = connection.socket.recv_into(block)
                    if connection.left < 0:  # the head has come, and what fits beside it
                        end = block.index(b"\r\n\r\n", 0, got) + 4
                        connection.left = (size if direction == "down" else 0) - (got - end)
                    else:
                        connection.left -= got
                    if not connection.left:
                        done += 1
                        ask(connection)
                        break
            except BUSY:
                pass


if __name__ == "__main__":
    main()
