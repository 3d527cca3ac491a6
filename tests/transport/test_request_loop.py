"""Many small requests by one thread: what comes back, and what is left to the ordinary client."""

import random
import socket
import threading

import pytest

from bkagent.transport.client import request_loop, small_answer
from bkagent.transport.client.address import parse
from bkagent.transport.client.answer_reader import AnswerReader
from bkagent.transport.client.http_client import Pool
from bkagent.transport.client.request_line import REQUEST_LIMIT_BYTES
from bkagent.transport.client.request_loop import RequestLoop
from tests.fakes import certificates
from tests.fakes.conditions import until
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer

SILENCE_S = 30.0


class Client:
    """A loop, and the answers that it has had: (status, body) by number of request, None for those given back."""

    def __init__(self, url, environ=None, connections_limit=4):
        self.pool = Pool("http://localhost", environ or {})
        self.loop = RequestLoop()
        self.line = self.loop.add_line(self.pool, connections_limit, SILENCE_S)
        self.address, self.answers = parse(url), {}

    def put(self, number, body=b""):
        head = b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (number, len(body))

        def keep(answer):
            assert number not in self.answers
            self.answers[number] = answer and (answer.status, answer.body)

        return self.line.put(self.address, head + body, keep)

    def run(self, count, body=b""):
        assert all(self.put(number, body) for number in range(count))
        until(lambda: self.loop.turn(0.01) or len(self.answers) == count)
        self.loop.close()
        self.pool.close()
        return [self.answers[number] for number in range(count)]


def echo(request):
    return Answer(200, body=request.path.encode() + request.body)


def test_many_requests_share_a_few_connections():
    with ScriptedServer({"*": echo}) as server:
        answers = Client(server.url).run(200, b"x" * 1000)
        assert answers == [(200, b"/%d" % number + b"x" * 1000) for number in range(200)]
        assert 1 <= server.connections_count <= 4


def test_each_server_has_a_line_of_its_own():
    with ScriptedServer({"*": Answer(200, body=b"near")}) as near, ScriptedServer({"*": Answer(201)}) as far:
        pool, loop, answers = Pool("http://localhost", {}), RequestLoop(), []
        for server in (near, far):
            line, address = loop.add_line(pool, 2, SILENCE_S), parse(server.url)
            for _ in range(20):
                assert line.put(address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", answers.append)
        assert loop.open_count == 40
        until(lambda: loop.turn(0.01) or len(answers) == 40)
        loop.close()
        assert sorted((answer.status, answer.body) for answer in answers) == [(200, b"near")] * 20 + [(201, b"")] * 20
        assert near.connections_count <= 2 and far.connections_count <= 2


def test_who_has_nothing_else_to_do_connects_without_a_thread(monkeypatch):
    start = threading.Thread.start

    def start_other(thread):
        assert thread.name != "connection-opener"
        start(thread)

    with ScriptedServer({"*": echo}) as server:
        client = Client(server.url)
        assert client.put(0)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start_other)
            client.line.connect()
            client.line.connect()
            until(lambda: client.loop.turn(0.01) or client.answers)
        client.answers.clear()
        assert client.run(50) == [(200, b"/%d" % number) for number in range(50)]
        assert 1 <= server.connections_count <= 4


def test_a_connection_that_cannot_be_opened_gives_requests_back_to_who_connects():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{holder.getsockname()[1]}")
        assert client.put(0)
        client.line.connect()
        client.loop.turn(0.01)
        assert client.answers == {0: None}
        client.loop.close()


def test_a_single_request_opens_a_single_connection_however_long_that_takes(monkeypatch):
    has_turned, lend = threading.Event(), Pool.lend

    def lend_late(*arguments):
        has_turned.wait(30)
        return lend(*arguments)

    monkeypatch.setattr(Pool, "lend", lend_late)
    with ScriptedServer({"*": echo}) as server:
        client = Client(server.url)
        assert client.put(0)
        for _ in range(5):
            client.loop.turn(0.01)
        has_turned.set()
        until(lambda: client.loop.turn(0.01) or client.answers == {0: (200, b"/0")})
        client.loop.close()
        assert server.connections_count == 1


def answer_after(over):
    """Return a route that answers nothing before this event."""

    def route(request):
        over.wait(30)
        return echo(request)

    return route


def test_a_far_server_that_takes_no_more_connections_is_not_asked_again_and_again(monkeypatch):
    over, asked, lend = threading.Event(), [], Pool.lend

    def lend_two(*arguments):
        asked.append(arguments)
        if len(asked) > 2:
            raise ConnectionRefusedError
        return lend(*arguments)

    monkeypatch.setattr(Pool, "lend", lend_two)
    with ScriptedServer({"*": answer_after(over)}) as server:
        client = Client(server.url, connections_limit=20)
        assert all(client.put(number) for number in range(60))
        until(lambda: client.loop.turn(0.01) or len(asked) > 2)
        for _ in range(30):
            client.loop.turn(0.01)
        over.set()
        until(lambda: client.loop.turn(0.01) or len(client.answers) == 60)
        client.loop.close()
        client.pool.close()
        assert len(asked) <= 20 and None not in client.answers.values()


def test_connections_leave_room_for_files(monkeypatch):
    monkeypatch.setattr(request_loop, "descriptors_count", lambda: 64)
    over = threading.Event()
    with ScriptedServer({"*": answer_after(over)}) as server:
        client = Client(server.url, connections_limit=80)
        assert all(client.put(number) for number in range(100))
        until(lambda: client.loop.turn(0.01) or server.connections_count > 20)
        for _ in range(10):
            client.loop.turn(0.01)
        over.set()
        until(lambda: client.loop.turn(0.01) or len(client.answers) == 100)
        client.loop.close()
        client.pool.close()
        assert server.connections_count == 21


def test_large_requests_and_answers_arrive_in_pieces():
    body = b"x" * (REQUEST_LIMIT_BYTES - 200)
    with ScriptedServer({"*": echo}) as server:
        assert {(status, len(text) > len(body)) for status, text in Client(server.url).run(30, body)} == {(200, True)}


def test_it_speaks_tls(tmp_path):
    folder = certificates.make(tmp_path)
    with ScriptedServer({"*": echo}, tls=certificates.server_side(folder)) as server:
        answers = Client(server.url, {"SSL_CERT_FILE": str(folder / "ca.pem")}).run(50, b"x" * 50_000)
    assert answers == [(200, b"/%d" % number + b"x" * 50_000) for number in range(50)]


def test_statuses_of_all_kinds_come_back():
    with ScriptedServer({"POST /0": Answer(204), "POST /1": Answer(503, body=b"later"), "*": Answer(404)}) as server:
        assert Client(server.url).run(3) == [(204, b""), (503, b"later"), (404, b"")]


def test_a_server_that_ends_idle_connections_loses_nothing():
    with ScriptedServer({"*": Answer(200, body=b"ok", close=True)}) as server:
        answers = Client(server.url).run(40)
        # What was sent while the server closed may have been seen by it or not: no more than that is given back.
        assert set(answers) <= {(200, b"ok"), None} and (200, b"ok") in answers


def test_an_answer_that_says_close_ends_its_connection():
    with ScriptedServer({"*": Answer(200, headers={"Connection": "close"}, close=True)}) as server:
        assert Client(server.url).run(10) == [(200, b"")] * 10
        assert server.connections_count >= 10


@pytest.mark.parametrize(
    "raw",
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nx",
        b"<html>",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"",
    ),
    ids=("chunks", "gzip", "interim", "no-length", "two-lengths", "long", "no-http", "half", "nothing"),
)
def test_what_is_no_small_plain_answer_is_given_back(raw):
    with ScriptedServer({"*": Raw(raw)}) as server:
        assert Client(server.url).run(5) == [None] * 5


def test_after_an_answer_of_another_kind_nothing_more_is_taken():
    with ScriptedServer({"*": Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")}) as server:
        client = Client(server.url, connections_limit=1)
        assert client.run(5) == [None] * 5 and len(server.seen) == 1
        assert not client.put(6)


def test_a_server_that_is_not_there_gives_requests_back():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert Client(f"http://127.0.0.1:{port}").run(5) == [None] * 5


@pytest.mark.parametrize("host", ["xn--\u00fc", "a" * 64, "a..b"])
def test_a_host_whose_name_is_not_valid_gives_requests_back(host):
    assert Client(f"http://{host}/").run(5) == [None] * 5


def test_a_defect_while_a_connection_is_opened_is_reported_and_gives_requests_back(monkeypatch):
    defects = []

    def fail(*_):
        raise KeyError("a defect")

    monkeypatch.setattr(threading, "excepthook", lambda ended: defects.append(ended.exc_type))
    monkeypatch.setattr(Pool, "lend", fail)
    assert Client("http://127.0.0.1:1").run(5) == [None] * 5
    until(lambda: not any(thread.name == "connection-opener" for thread in threading.enumerate()))
    assert set(defects) == {KeyError}


def test_one_who_fails_at_an_answer_does_not_keep_others_from_theirs():
    with ScriptedServer({"*": echo}) as server:
        client = Client(server.url, connections_limit=1)

        def fail(answer):
            raise KeyError("a defect")

        assert client.line.put(client.address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", fail)
        assert all(client.put(number) for number in range(3))
        client.pool.close()  # so that all are given back at once
        caught = []

        def turn():
            try:
                client.loop.turn(0.01)
            except KeyError as defect:
                caught.append(defect)
            return len(client.answers) == 3

        until(turn)
        assert len(caught) == 1
        client.loop.close()


def test_a_pool_that_is_closed_gives_requests_back():
    entered = threading.Event()

    def stay(request):
        entered.set()
        until(lambda: client.pool._closed)
        return Answer(200)

    with ScriptedServer({"*": stay}) as server:
        client = Client(server.url)
        threading.Thread(target=lambda: entered.wait(30) and client.pool.close()).start()
        answers = client.run(10)
        assert set(answers) <= {(200, b""), None} and answers.count(None) >= 6


def test_other_servers_long_requests_and_proxies_are_not_for_it():
    with ScriptedServer({"*": echo}) as server:
        client = Client(server.url)
        assert client.put(0) and not client.put(1, b"x" * REQUEST_LIMIT_BYTES)
        assert not client.line.put(parse("http://other.test/"), b"", lambda answer: None)
        client.loop.close()
        proxied = Client("http://agent.test/", {"HTTP_PROXY": server.url})
        assert not proxied.put(0)
        proxied.loop.close()


def test_a_turn_that_waits_is_woken():
    client = Client("http://localhost:1")
    threading.Thread(target=client.loop.wake).start()
    client.loop.turn(30.0)
    client.loop.close()
    client.loop.wake()


def _read_closely(data):
    """Return what the ordinary reader makes of an answer, None if it does not take it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        reader = AnswerReader(ours)
        try:
            status, headers = reader.head(lambda: SILENCE_S)
            return status, reader.body("POST", status, headers, lambda: SILENCE_S, None), reader.reusable
        except OSError:
            return None


def test_small_answers_are_read_as_by_the_ordinary_reader_or_not_at_all():
    chance = random.Random(19)
    names = (
        "Content-Length",
        "content-length",
        "Connection",
        "ETag",
        "Transfer-Encoding",
        "Server",
        "X-Content-Length",
    )
    values = ("0", "2", "3", "close", "keep-alive", "chunked", "gzip", " 2 ", "+2", "2, 2", "")
    read_count = 0
    for _ in range(3000):
        lines = [
            chance.choice(("HTTP/1.1 200 OK", "HTTP/1.1 204", "HTTP/1.0 200 OK", "HTTP/1.1 100 C", "HTTP/1.1 5x3"))
        ]
        lines += [f"{chance.choice(names)}: {chance.choice(values)}" for _ in range(chance.randrange(4))]
        data = ("\r\n".join(lines) + "\r\n\r\n" + "ab\r"[: chance.randrange(4)]).encode()
        if chance.random() < 0.3:
            data = data[: chance.randrange(len(data))]
        try:
            answer = small_answer.read(data)
        except small_answer.NotSmall:
            continue
        if answer is not None:
            read_count += 1
            assert (answer.status, answer.body, answer.keeps) == _read_closely(data), data
    assert read_count > 50
