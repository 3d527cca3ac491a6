"""Bodies that come in small pieces, as TLS passes them on, and go to a sink in few, without waiting for more."""

from __future__ import annotations

import socket
import threading
from typing import List, Sequence

import pytest

from bkagent.transport.client.answer_reader import AnswerReader, BadAnswer

SIZE_BYTES = 600_000


HEAD = f"HTTP/1.1 200 OK\r\nContent-Length: {SIZE_BYTES}\r\n\r\n".encode()
CONTENT = bytes(range(250)) * (SIZE_BYTES // 250)


def receive(pieces: Sequence[bytes], taken: List[bytes]) -> None:
    """Read a body of SIZE_BYTES, of which these pieces come before the connection ends."""
    near, far = socket.socketpair()

    def send() -> None:
        with far:
            for piece in (HEAD, *pieces):
                far.sendall(piece)

    sender = threading.Thread(target=send)
    with near:
        sender.start()
        try:
            reader = AnswerReader(near)
            status, headers = reader.head(lambda: 20.0)
            reader.body("GET", status, headers, lambda: 20.0, taken.append)
        finally:
            sender.join(20)


def test_what_is_there_is_passed_on_though_nothing_follows() -> None:
    near, far = socket.socketpair()
    taken: List[bytes] = []
    with near, far:
        for at in range(0, 50_000, 1000):
            far.sendall((HEAD if not at else b"") + CONTENT[at : at + 1000])
        reader = AnswerReader(near)
        status, headers = reader.head(lambda: 20.0)

        def take(data: bytes) -> None:
            taken.append(data)
            if sum(map(len, taken)) == 50_000:  # nothing else comes until these are passed on
                far.sendall(CONTENT[50_000:200_000])
                far.close()

        with pytest.raises(BadAnswer):
            reader.body("GET", status, headers, lambda: 20.0, take)
    assert b"".join(taken) == CONTENT[:200_000] and len(taken) < 10


def test_what_came_before_the_connection_ended_is_passed_on() -> None:
    taken: List[bytes] = []
    with pytest.raises(BadAnswer):
        receive([CONTENT[:1000], CONTENT[1000:300_001]], taken)
    assert b"".join(taken) == CONTENT[:300_001]


def test_what_came_before_the_time_was_over_is_passed_on() -> None:
    near, far = socket.socketpair()
    taken: List[bytes] = []
    with near, far:
        far.sendall(HEAD + CONTENT[:50_000])
        reader = AnswerReader(near)
        status, headers = reader.head(lambda: 20.0)
        with pytest.raises(socket.timeout):
            reader.body("GET", status, headers, lambda: 0.05, taken.append)
    assert b"".join(taken) == CONTENT[:50_000]
