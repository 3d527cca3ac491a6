"""The HTTP server over real sockets: routes, bodies, keep-alive, files, streams, and clients that misbehave."""

import gzip
import http.client
import json
import os
import queue
import socket
import threading
import time
from typing import Callable, Iterator, List, Optional, Tuple

import pytest

from bkagent.errors import ConfigError
from bkagent.transport.event_server import event_service
from bkagent.transport.event_server.event_server import EventServer
from bkagent.transport.event_server.tcp_listener import TcpListener
from bkagent.transport.server import connection_table, server_connection
from bkagent.transport.server import request as request_module
from bkagent.transport.server.answer import Answer, EventSource, FilePart, Stream, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.transport.server.routing import Router

WAIT_S = 20.0


class Events(EventSource):
    """What a test puts in, until an empty piece ends it."""

    def __init__(self) -> None:
        self.pieces: "queue.Queue[bytes]" = queue.Queue()
        self.tell: Callable[[], None] = lambda: None
        self.begun, self.closed = threading.Event(), threading.Event()

    def begin(self, tell: Callable[[], None]) -> None:
        self.tell = tell
        self.begun.set()

    def put(self, piece: bytes) -> None:
        self.pieces.put(piece)
        self.tell()

    def read(self, is_due: bool) -> Optional[bytes]:
        try:
            return self.pieces.get_nowait() or None
        except queue.Empty:
            return b"still here" if is_due else b""

    def close(self) -> None:
        self.closed.set()


class Site:
    """A server with a few routes, and what it reported."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.reports: List[Tuple[str, str]] = []
        self.sources: List[Events] = []
        router = Router()
        router.add("GET", "/", lambda request: json_answer(200, "root"))
        router.add("GET", "/things/{id}", lambda request: json_answer(200, request.parameters))
        router.add("GET", "/things/special", lambda request: json_answer(200, "special"))
        router.add("POST", "/echo", lambda request: Answer(200, request.read(1000)))
        router.add("POST", "/json", lambda request: json_answer(200, request.json()))
        router.add("GET", "/query", lambda request: json_answer(200, request.query))
        router.add("PUT", "/refuse", self.refuse)
        router.add("GET", "/defect", lambda request: json_answer(200, 1 // 0))
        router.add("GET", "/deep", self.deep)
        router.add("GET", "/split", lambda request: Answer(200, b"", (("Location", request.value("to")),)))
        router.add("GET", "/file", self.file)
        router.add("GET", "/stream", lambda request: Answer(200, Stream(self.source())))
        router.add("GET", "/known/{owner}/things/{id}", self.known_thing)
        router.add("GET", "/known/{owner}/stream", self.known_stream)
        router.add("POST", "/known/{owner}/echo", self.known_echo)
        router.add("DELETE", "/nothing", lambda request: Answer(204))
        self.listener = TcpListener("127.0.0.1", 0)
        self.server = EventServer(self.listener, router.answer, lambda level, text: self.reports.append((level, text)))
        self.server.start()

    def deep(self, request: Request) -> Answer:
        return self.deep(request)

    def known_thing(self, request: Request) -> Answer:
        request.vouch(request.parameters["owner"])
        return json_answer(200, {"id": request.parameters["id"]})

    def known_stream(self, request: Request) -> Answer:
        request.vouch(request.parameters["owner"])
        return Answer(200, Stream(self.source()))

    def known_echo(self, request: Request) -> Answer:
        request.vouch(request.parameters["owner"])
        return Answer(200, request.read(1000))

    def refuse(self, request: Request) -> Answer:
        raise HttpError(403, "not for you")

    def file(self, request: Request) -> Answer:
        path = os.path.join(self.folder, "file")
        return Answer(200, FilePart(open(path, "rb"), 1, os.path.getsize(path) - 1))

    def source(self) -> "Events":
        self.sources.append(Events())
        return self.sources[-1]

    def client(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.listener.port, timeout=WAIT_S)

    def raw(self, data: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.listener.port), WAIT_S)
        connection.sendall(data)
        return connection


@pytest.fixture
def site(tmp_path: "os.PathLike[str]") -> Iterator[Site]:
    made = Site(str(tmp_path))
    yield made
    made.server.stop()


def ask(client: http.client.HTTPConnection, method: str, path: str, body: bytes = None, **headers: str):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    client.request(method, path, body, names)
    answer = client.getresponse()
    return answer.status, answer.read(), answer


def read_all(connection: socket.socket) -> bytes:
    got = bytearray()
    while True:
        block = connection.recv(65536)
        if not block:
            return bytes(got)
        got += block


def test_one_connection_serves_many_requests(site: Site) -> None:
    client = site.client()
    client.connect()
    port = client.sock.getsockname()
    for number in range(50):
        assert ask(client, "GET", f"/known/me/things/{number}")[:2] == (200, b'{"id":"%d"}\n' % number)
    assert client.sock.getsockname() == port


def test_segments_are_decoded_after_they_are_split(site: Site) -> None:
    assert json.loads(ask(site.client(), "GET", "/things/a%2Fb%2E%2E%20c")[1]) == {"id": "a/b.. c"}
    assert json.loads(ask(site.client(), "GET", "/things/special/")[1]) == "special"
    assert json.loads(ask(site.client(), "GET", "/things/speci%61l")[1]) == "special"
    assert ask(site.client(), "GET", "/things/a%FFb")[0] == 400
    assert ask(site.client(), "GET", "/things/a%00b")[0] == 400
    assert ask(site.client(), "GET", "/things/../echo")[0] == 404


def test_unknown_paths_and_methods_have_the_one_error_shape(site: Site) -> None:
    client = site.client()
    status, body, _ = ask(client, "GET", "/nowhere")
    assert status == 404 and list(json.loads(body)) == ["message"]
    status, body, answer = ask(client, "DELETE", "/echo")
    assert status == 405 and answer.getheader("Allow") == "POST"
    status, body, _ = ask(client, "PUT", "/refuse", b"x" * 1000)
    assert (status, json.loads(body)) == (403, {"message": "not for you"})
    assert ask(client, "GET", "/")[0] == 200  # the unread body is out of the way


def test_a_defect_is_an_answer_and_a_report_without_details(site: Site) -> None:
    client = site.client()
    status, body, _ = ask(client, "GET", "/defect")
    assert (status, json.loads(body)) == (500, {"message": "internal error: ZeroDivisionError"})
    assert site.reports[0][0] == "error" and "/defect" in site.reports[0][1]
    assert ask(client, "GET", "/")[0] == 200


def test_what_is_nested_too_deeply_for_a_handler_is_refused(site: Site) -> None:
    assert ask(site.client(), "GET", "/deep")[:2] == (400, b'{"message":"the request is nested too deeply"}\n')
    assert site.reports == []


def test_query_keeps_order_blanks_and_brackets(site: Site) -> None:
    pairs = json.loads(ask(site.client(), "GET", "/query?b=1&a=&b%5B%5D=%C3%BC+x")[1])
    assert pairs == [["b", "1"], ["a", ""], ["b[]", "ü x"]]
    assert ask(site.client(), "GET", "/query?a=%FF")[0] == 400
    assert ask(site.client(), "GET", "/query?" + "a=1&" * 500)[0] == 400


def test_head_has_the_headers_of_get_and_no_body(site: Site) -> None:
    client = site.client()
    status, body, answer = ask(client, "HEAD", "/things/1")
    assert (status, body, answer.getheader("Content-Length")) == (200, b"", "11")
    assert ask(client, "GET", "/")[1] == b'"root"\n'


def test_204_has_neither_body_nor_length(site: Site) -> None:
    status, body, answer = ask(site.client(), "DELETE", "/nothing")
    assert (status, body, answer.getheader("Content-Length")) == (204, b"", None)


@pytest.mark.parametrize("wrong", [b"{", b"[1]]", b"\xff", b"NaN", b"[" * 100000])
def test_a_body_that_is_no_json_is_refused(site: Site, wrong: bytes) -> None:
    status, body, _ = ask(site.client(), "POST", "/json", wrong)
    assert status == 400 and "JSON" in json.loads(body)["message"]


def test_json_never_brings_half_characters(site: Site) -> None:
    sent = b'{"\\ud83d": ["\\udca9", "\\ud83d\\udca9 ok", 1, null]}'
    assert json.loads(ask(site.client(), "POST", "/json", sent)[1]) == {"\ufffd": ["\ufffd", "\U0001f4a9 ok", 1, None]}


def test_gzipped_bodies_are_inflated_within_the_limit(site: Site) -> None:
    client = site.client()
    assert ask(client, "POST", "/echo", gzip.compress(b"a" * 1000), Content_Encoding="gzip")[:2] == (200, b"a" * 1000)
    two = gzip.compress(b"one ") + gzip.compress(b"two")
    assert ask(client, "POST", "/echo", two, Content_Encoding="gzip")[:2] == (200, b"one two")
    assert ask(client, "POST", "/echo", gzip.compress(b"a" * 10**7), Content_Encoding="gzip")[0] == 413
    assert ask(client, "POST", "/echo", gzip.compress(b"abc" * 50)[:-9], Content_Encoding="gzip")[0] == 400
    assert ask(client, "POST", "/echo", b"no gzip", Content_Encoding="gzip")[0] == 400
    assert ask(client, "POST", "/echo", b"x", Content_Encoding="br")[0] == 415
    assert ask(client, "GET", "/")[0] == 200


@pytest.mark.parametrize(
    "framed",
    [b"1\r\nx\r\n" * 100_000, b"1;" + b"x" * 1000 + b"\r\nx\r\n", b"0\r\n" + b"A: b\r\n" * 200],
    ids=["small chunks", "long lines", "trailers"],
)
def test_the_frame_of_a_chunked_body_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch, framed: bytes) -> None:
    monkeypatch.setattr(request_module, "FRAMING_BYTES", 1000)
    sent = b"POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    assert read_all(site.raw(sent)).partition(b" ")[2][:3] in (b"400", b"431")


def test_json_is_read_once_and_only_so_deep(site: Site) -> None:
    levels = request_module.JSON_LEVELS_COUNT
    fits, deeper = (b"[" * count + b"]" * count for count in (levels, levels + 1))
    assert ask(site.client(), "POST", "/json", fits)[:2] == (200, fits + b"\n")
    assert ask(site.client(), "POST", "/json", deeper)[0] == 400


def test_gzip_members_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    inflated = []
    real = request_module.zlib.decompressobj
    monkeypatch.setattr(request_module.zlib, "decompressobj", lambda bits: inflated.append(1) or real(bits))
    with pytest.raises(HttpError):
        request_module.inflate(gzip.compress(b"", mtime=0) * 1000, 100)
    assert len(inflated) == request_module.GZIP_MEMBERS_COUNT


def test_chunked_bodies_are_read(site: Site) -> None:
    client = site.client()
    client.request(
        "POST",
        "/echo",
        iter([b"one ", b"two ", b"three"]),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    assert client.getresponse().read() == b"one two three"
    assert ask(client, "GET", "/")[0] == 200


def test_a_body_over_the_limit_is_refused_before_it_is_sent(site: Site) -> None:
    connection = site.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n")
    assert read_all(connection).startswith(b"HTTP/1.1 413 ")


def test_who_has_shown_no_token_is_refused_before_a_short_body_is_sent(site: Site) -> None:
    connection = site.raw(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    assert connection.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_expect_continue_is_answered_only_when_the_body_is_wanted(site: Site) -> None:
    wanted = site.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert wanted.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wanted.sendall(b"ok")
    assert wanted.recv(100).endswith(b"\r\n\r\nok")
    unwanted = site.raw(b"PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert read_all(unwanted).startswith(b"HTTP/1.1 403 ")


def test_requests_sent_ahead_are_answered_in_order(site: Site) -> None:
    one = b"POST /known/me/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
    last = b"GET /things/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    got = read_all(site.raw(one + last))
    assert got.index(b"one") < got.index(b'{"id":"2"}') and got.count(b"HTTP/1.1 200 OK") == 2


def test_who_has_shown_no_token_has_one_request_a_connection(site: Site) -> None:
    got = read_all(site.raw(b"GET /things/1 HTTP/1.1\r\nHost: x\r\n\r\n" * 100))
    assert got.count(b"HTTP/1.1 200 OK") == 1 and b"Connection: close\r\n" in got


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"G\xc3\xa9T / HTTP/1.1\r\n\r\n", 400),
        (b"GET nowhere HTTP/1.1\r\n\r\n", 400),
        (b"GET /\x7f HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nBad Name: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nA: x\x00y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nContent-Length: 1" + b"0" * 30 + b"\r\n\r\n", 413),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 400),
        (b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70000 + b"\r\n\r\n", 431),
        (b"GET /" + b"b" * 70000, 431),
    ],
)
def test_a_malformed_request_is_refused_and_the_connection_closed(site: Site, sent: bytes, status: int) -> None:
    sent = sent.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nHost: x\r\n")
    head, _, body = read_all(site.raw(sent)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status) and b"Connection: close" in head
    assert list(json.loads(body)) == ["message"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (b"", "the Host header is missing"),
        (b"Host: x\r\nHost: x\r\n", "more than one Host header"),
        (b"Host: x\r\nhOST: y\r\n", "more than one Host header"),
        (b"Host: x/y\r\n", "the Host header is malformed"),
        (b"Host: user@x\r\n", "the Host header is malformed"),
        (b"Host: x y\r\n", "the Host header is malformed"),
        (b"Host: \xe9\r\n", "the Host header is malformed"),
    ],
)
def test_a_request_names_one_host(site: Site, lines: bytes, message: str) -> None:
    got = read_all(site.raw(b"GET /things/1 HTTP/1.1\r\n" + lines + b"\r\n"))
    assert got.startswith(b"HTTP/1.1 400 ") and json.loads(got.partition(b"\r\n\r\n")[2]) == {"message": message}
    got = read_all(site.raw(b"GET /things/1 HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n"))
    assert got.startswith(b"HTTP/1.1 200 ")
    assert read_all(site.raw(b"GET /things/1 HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


def test_a_request_cut_short_stores_nothing_and_hurts_no_other(site: Site) -> None:
    connection = site.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_WR)
    assert read_all(connection).startswith(b"HTTP/1.1 400 ")
    assert ask(site.client(), "GET", "/")[0] == 200


def test_an_answer_header_cannot_break_out_of_its_line(site: Site) -> None:
    got = read_all(site.raw(b"GET /split?to=x%0d%0aSet-Cookie:%20a=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    assert b"Set-Cookie" not in got


def test_a_file_is_sent_from_its_offset(site: Site) -> None:
    content = os.urandom(3_000_000)
    with open(os.path.join(site.folder, "file"), "wb") as file:
        file.write(content)
    client = site.client()
    assert ask(client, "GET", "/file")[1] == content[1:]
    assert ask(client, "HEAD", "/file")[2].getheader("Content-Length") == str(len(content) - 1)
    assert ask(client, "GET", "/")[0] == 200


def test_a_stream_is_sent_as_it_comes_and_ends_with_the_server(site: Site) -> None:
    connection = site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    head = connection.recv(1000)
    assert b"Connection: close" in head and b"Content-Length" not in head
    (source,) = site.sources
    assert source.begun.wait(WAIT_S)
    for text in (b"first", b"second"):
        source.put(text)
        assert connection.recv(100) == text
    site.server.stop()
    assert source.closed.wait(WAIT_S)
    assert read_all(connection) == b""


def test_a_stream_ends_with_its_source_and_with_its_client(site: Site) -> None:
    connection = site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    left = site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert left.recv(1000).startswith(b"HTTP/1.1 200 ")
    ended, gone = site.sources
    assert ended.begun.wait(WAIT_S) and gone.begun.wait(WAIT_S)
    left.close()
    assert gone.closed.wait(WAIT_S)
    big = os.urandom(16 << 20)
    ended.put(big)
    ended.put(b"")
    assert read_all(connection) == big
    assert ended.closed.wait(WAIT_S)


def test_a_stream_without_news_shows_that_it_is_there(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Events, "heartbeat_s", 0.02)
    connection = site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert connection.recv(10) == connection.recv(10) == b"still here"


def test_streams_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_service, "STRANGERS_STREAMS_COUNT", 1)
    first = site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert first.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert ask(site.client(), "GET", "/stream")[0] == 503


def test_streams_without_a_token_take_no_place_of_the_others(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_service, "STRANGERS_STREAMS_COUNT", 2)
    monkeypatch.setattr(event_service, "STREAMS_COUNT", 1)
    streams = [site.raw(b"GET /stream HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(2)]
    assert all(stream.recv(1000).startswith(b"HTTP/1.1 200 ") for stream in streams)
    assert ask(site.client(), "GET", "/stream")[0] == 503
    known = site.raw(b"GET /known/a/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert known.recv(1000).startswith(b"HTTP/1.1 200 ")
    assert ask(site.client(), "GET", "/known/a/stream")[0] == 503


def test_a_stream_whose_body_is_not_asked_for_does_not_begin(site: Site) -> None:
    assert ask(site.client(), "HEAD", "/stream")[0] == 200
    assert not site.sources[0].begun.is_set()


def test_what_is_left_of_a_body_is_read_away_within_a_bound() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), WAIT_S)
        accepted = listener.accept()[0]
    client.sendall(bytes(server_connection.DRAIN_BYTES) + b"more")
    server_connection.ServerConnection(accepted).linger()
    accepted.settimeout(WAIT_S)
    assert accepted.recv(100) == b"more"
    accepted.close()
    client.close()


def test_readers_that_do_not_read_make_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "CONNECTIONS_COUNT", 3)
    with open(os.path.join(site.folder, "file"), "wb") as file:
        file.truncate(64 << 20)
    readers = [site.raw(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(3)]
    assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
    assert ask(site.client(), "GET", "/")[0] == 200


def test_a_reader_that_takes_too_little_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "STALL_LIMIT_S", 0.05)
    with open(os.path.join(site.folder, "file"), "wb") as file:
        file.truncate(64 << 20)
    reader = site.raw(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
    deadline = time.monotonic() + WAIT_S
    while site.server._service.table.all() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert site.server._service.table.all() == []
    reader.close()


def test_the_owner_of_most_connections_makes_room_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "CONNECTIONS_COUNT", 5)
    monkeypatch.setattr(connection_table, "OWNER_COUNT", 2)
    kept = site.client()
    assert ask(kept, "POST", "/known/b/echo", b"1")[0] == 200
    kept_socket = kept.sock
    head = b"POST /known/a/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
    greedy = [site.raw(head) for _ in range(4)]
    assert all(connection.recv(12) == b"HTTP/1.1 100" for connection in greedy)
    assert ask(site.client(), "GET", "/")[0] == 200
    assert ask(kept, "POST", "/known/b/echo", b"2")[1] == b"2" and kept.sock is kept_socket


def test_a_network_is_an_address_or_half_of_one() -> None:
    network_of = connection_table.network_of
    assert network_of("192.0.2.1") == network_of("::ffff:192.0.2.1") != network_of("192.0.2.2")
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2") and network_of("x") == "x"


def test_a_slow_head_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "HEAD_LIMIT_S", 0.05)
    assert read_all(site.raw(b"GET / HT")).startswith(b"HTTP/1.1 408 ")


def test_a_slow_body_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "STALL_LIMIT_S", 0.05)
    connection = site.raw(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n1")
    assert read_all(connection).startswith(b"HTTP/1.1 408 ")


def test_a_silent_connection_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_connection, "HEAD_LIMIT_S", 0.05)
    assert read_all(site.raw(b"")) == b""


def test_silent_connections_make_room_for_new_ones(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "CONNECTIONS_COUNT", 3)
    silent = [site.raw(b"") for _ in range(3)]
    assert ask(site.client(), "GET", "/")[0] == 200
    assert read_all(silent[0]) == b""


def test_connections_leave_room_for_files(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_table, "descriptors_count", lambda: 4)
    silent = [site.raw(b"") for _ in range(2)]
    assert ask(site.client(), "GET", "/")[0] == 200
    assert read_all(silent[0]) == b""


def test_a_port_in_use_is_one_sentence(site: Site) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {site.listener.port}: "):
        TcpListener("127.0.0.1", site.listener.port)


def test_stop_lets_a_request_under_way_end(tmp_path: "os.PathLike[str]") -> None:
    entered, go_on = threading.Event(), threading.Event()

    def slow(request: Request) -> Answer:
        entered.set()
        assert go_on.wait(WAIT_S)
        return Answer(200, b"done")

    listener = TcpListener("127.0.0.1", 0)
    server = EventServer(listener, slow, lambda level, text: None)
    server.start()
    connection = socket.create_connection(("127.0.0.1", listener.port), WAIT_S)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert entered.wait(WAIT_S)
    stopper = threading.Thread(target=server.stop)
    stopper.start()
    go_on.set()
    assert read_all(connection).endswith(b"done")
    stopper.join(WAIT_S)
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", listener.port), 1.0)


def test_many_clients_at_once(site: Site) -> None:
    wrong: List[object] = []

    def visit(number: int) -> None:
        client = site.client()
        for round_ in range(20):
            name = f"{number}-{round_}"
            status, body, _ = ask(client, "POST", "/echo", name.encode())
            if (status, body) != (200, name.encode()):
                wrong.append((name, status, body))

    threads: List[threading.Thread] = [threading.Thread(target=visit, args=(number,)) for number in range(16)]
    run_all(threads, lambda thread: thread.start())
    run_all(threads, lambda thread: thread.join(WAIT_S))
    assert wrong == []


def run_all(threads: List[threading.Thread], action: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        action(thread)
