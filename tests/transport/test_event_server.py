"""The event server over real sockets: thousands of connections, answers that come later, clients that are slow."""

from __future__ import annotations

import socket
import sys
import threading
import time
from typing import Callable, Dict, Iterator, List, Optional

import pytest

from bkagent.system import descriptors
from bkagent.transport.event_server import event_service
from bkagent.transport.event_server.event_loop import EventHandler, EventLoop
from bkagent.transport.event_server.event_server import EventServer
from bkagent.transport.event_server.tcp_listener import TcpListener
from bkagent.transport.server import server_connection
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.connection_table import ConnectionTable
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from tests.fakes.conditions import until

WAIT_S = 30.0
CONNECTIONS_COUNT = 1200
BIG = bytes(32 << 20)


class Promise(Later):
    """An answer that a test gives."""

    def __init__(self, deadline_s: Optional[float] = None, outlives: bool = False) -> None:
        self.deadline_s, self._outlives = deadline_s, outlives
        self._lock = threading.Lock()
        self._tell: Optional[Callable[[], None]] = None
        self.is_known = False
        self.given_up = threading.Event()
        self.text = "expired"

    def keep(self, text: str) -> None:
        self.text = text
        self.expire()

    def on_known(self, tell: Callable[[], None]) -> None:
        with self._lock:
            self._tell, is_known = tell, self.is_known
        if is_known:
            tell()

    def expire(self) -> None:
        with self._lock:
            self.is_known, tell = True, self._tell
        if tell is not None:
            tell()

    def take(self) -> Answer:
        return json_answer(200, self.text)

    def give_up(self) -> None:
        self.given_up.set()

    @property
    def outlives_server(self) -> bool:
        return self._outlives


class Served:
    """A server with a few routes; all clients have shown a token."""

    def __init__(self) -> None:
        self.promises: Dict[str, Promise] = {}
        self.reports: List[str] = []
        self.listener = TcpListener("127.0.0.1", 0)
        self.server = EventServer(
            self.listener, self.answer, lambda level, text: self.reports.append(text),
            table=ConnectionTable(strangers_count=CONNECTIONS_COUNT),
            begin_instant=lambda head: (lambda: None) if head.target == "/instant" else None,
        )  # fmt: skip
        self.server.start()

    def answer(self, request: Request) -> "Answer | Later":
        request.vouch("me")
        kind, _, name = "/".join(request.path).partition("/")
        if kind == "later":
            return self.promises.setdefault(name, Promise())
        if kind == "big":
            return Answer(200, BIG)
        if kind == "echo":
            return Answer(200, request.read())
        return json_answer(200, kind)

    def send(self, data: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.listener.port), WAIT_S)
        client.sendall(data)
        return client


@pytest.fixture
def served() -> Iterator[Served]:
    new = Served()
    yield new
    new.server.stop()
    assert new.reports == []


def get(path: str) -> bytes:
    return f"GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def body_of(client: socket.socket) -> bytes:
    """Return the body of one answer, on a connection that stays open."""
    got = bytearray()
    while b"\r\n\r\n" not in got:
        block = client.recv(65536)
        assert block, "closed without an answer"
        got += block
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(1 << 20)
    return body


def threads_count() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
def test_thousands_of_connections_cost_no_thread(served: Served) -> None:
    descriptors.raise_limit(4 * CONNECTIONS_COUNT)
    if descriptors.descriptors_count() < 3 * CONNECTIONS_COUNT:
        pytest.skip("too few descriptors")
    before = threads_count()
    third = CONNECTIONS_COUNT // 3
    served.promises = {str(number): Promise() for number in range(third)}
    silent = [served.send(b"") for _ in range(third)]
    partial = [served.send(get("a")[:-3]) for _ in range(third)]
    held = [served.send(get(f"later/{number}")) for number in range(third)]
    until(lambda: all(promise._tell is not None for promise in served.promises.values()))
    assert threads_count() - before <= event_service.WORKERS_COUNT
    assert body_of(served.send(get("b"))) == b'"b"\n'
    for number, promise in enumerate(served.promises.values()):
        promise.keep(f"kept {number}")
    for client in partial:
        client.sendall(get("a")[-3:])
    for client in silent:
        client.sendall(get("c"))
    assert [body_of(client) for client in held] == [b'"kept %d"\n' % number for number in range(third)]
    assert {body_of(client) for client in partial} == {b'"a"\n'}
    assert {body_of(client) for client in silent} == {b'"c"\n'}
    assert threads_count() - before <= event_service.WORKERS_COUNT
    for client in (*silent, *partial, *held):
        client.close()
    until(lambda: len(served.server._service.table.all()) <= 1)


def test_a_client_that_goes_is_noticed_at_once(served: Served) -> None:
    client = served.send(get("later/x"))
    until(lambda: "x" in served.promises)
    client.close()
    assert served.promises["x"].given_up.wait(WAIT_S)


def test_a_later_answer_is_taken_at_its_deadline(served: Served) -> None:
    served.promises["x"] = Promise(deadline_s=time.monotonic() + 0.05)
    client = served.send(get("later/x"))
    assert body_of(client) == b'"expired"\n'
    client.sendall(get("a"))
    assert body_of(client) == b'"a"\n'


def test_requests_that_are_sent_ahead_of_a_later_answer_wait_for_it(served: Served) -> None:
    client = served.send(get("later/x") + get("a") + get("instant"))
    until(lambda: "x" in served.promises)
    client.sendall(get("later/y"))
    served.promises["x"].keep("x")
    assert [body_of_next(client) for _ in range(3)] == ["x", "a", "instant"]
    until(lambda: "y" in served.promises)
    served.promises["y"].keep("y")
    assert body_of_next(client) == "y"


def body_of_next(client: socket.socket) -> str:
    """Return the text of the next answer, of which nothing more than that is read."""
    got = b""
    while not got.endswith(b'"\n'):
        got += client.recv(1)
    return got.rpartition(b"\r\n\r\n")[2].decode().strip('"\n')


def test_a_stop_answers_what_waits_or_leaves_it_to_another_server(served: Served) -> None:
    served.promises.update(here=Promise(), there=Promise(outlives=True))
    here, there = served.send(get("later/here")), served.send(get("later/there"))
    idle = served.send(get("a"))
    assert body_of(idle) == b'"a"\n'
    until(lambda: all(promise._tell is not None for promise in served.promises.values()))
    served.server.stop()
    assert here.recv(65536).endswith(b'"expired"\n') and there.recv(1) == b"" and idle.recv(1) == b""
    assert served.promises["there"].given_up.wait(WAIT_S)


def test_who_does_not_read_an_answer_keeps_no_thread(served: Served) -> None:
    slow = [served.send(get("big")) for _ in range(2 * event_service.WORKERS_COUNT)]
    assert all(client.recv(1) == b"H" for client in slow)
    assert body_of(served.send(get("a"))) == b'"a"\n'
    for client in slow[:2]:
        assert len(body_of(client)) == len(BIG)
    for client in slow:
        client.close()


def test_a_reader_of_an_answer_in_memory_is_given_up_when_it_stops(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bkagent.transport.event_server.conversation.SLOWEST_BYTES_PER_S", 1 << 40)
    monkeypatch.setattr(server_connection, "STALL_LIMIT_S", 0.05)
    client = served.send(get("big"))
    until(lambda: served.server._service.table.all() == [])
    client.close()


class Broken(Promise):
    """An answer that is never to be had."""

    def expire(self) -> None:
        is_first, self.is_known = not self.is_known, True
        if is_first:
            raise RuntimeError("a defect")


def test_a_defect_on_the_thread_that_waits_ends_nothing_else(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    served.promises.update(broken=Broken(deadline_s=0.0), whole=Promise())
    waiting, _ = served.send(get("later/whole")), served.send(get("later/broken"))
    until(lambda: served.reports == ["a connection to the server failed by an internal error"])
    served.promises["whole"].keep("whole")
    assert body_of(waiting) == b'"whole"\n' and body_of(served.send(get("a"))) == b'"a"\n'
    served.reports.clear()
    assert "RuntimeError: a defect" in capfd.readouterr().err


def test_a_body_may_come_in_pieces_and_with_the_next_request(served: Served) -> None:
    post = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n"
    client = served.send(post[:20])
    for piece in (post[20:] + b"ab", b"cd", b"ef" + post + b"ghijkl" + get("a")):
        client.sendall(piece)
    answers = b""
    while b'"a"\n' not in answers:
        answers += client.recv(65536)
    assert answers.index(b"abcdef") < answers.index(b"ghijkl") < answers.index(b'"a"\n')


def test_a_kept_connection_is_closed_when_it_is_silent(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "IDLE_LIMIT_S", 0.05)
    client = served.send(get("a"))
    assert body_of(client) == b'"a"\n'
    assert client.recv(1) == b""


def test_moments_that_were_put_off_or_set_earlier_come_once_and_leave_nothing_behind() -> None:
    class Late(EventHandler):
        calls = 0

        def on_late(self) -> None:
            self.calls += 1
            loop.post(lambda: None)
            assert not loop._is_rung  # the loop's own thread needs no waking

    loop, many = EventLoop(pytest.fail), [Late() for _ in range(1000)]
    for round_ in range(20):
        for handler in many:
            loop.set_end(handler, time.monotonic() + 1000 - round_)
    assert len(loop._timers) < 3 * len(many)
    put_off, early = Late(), Late()
    loop.set_end(put_off, time.monotonic())
    loop.set_end(put_off, time.monotonic() + 0.02)
    loop.set_end(early, time.monotonic() + 1000)
    loop.set_end(early, time.monotonic())
    while not (put_off.calls and early.calls):
        loop.step()
    assert (put_off.calls, early.calls) == (1, 1)
    for handler in many:
        loop.release(handler)
    loop.set_end(early, time.monotonic())
    while early.calls == 1:
        loop.step()
    loop.close()
