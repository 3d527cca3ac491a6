"""The client against a real server: answers of every framing, faults below HTTP, redirects, proxies, TLS."""

import gzip
import os
import random
import socket
import threading
import time
from urllib.parse import quote, urlsplit

import pytest

from bkagent.errors import AgentError, ConfigError, Unreachable
from bkagent.transport.client.address import parse
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.http_client import Pool
from tests.fakes import certificates
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer


@pytest.fixture
def closed_port():
    """A port without a listener, which no other program can have meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def get(pool, path="x", **more):
    return pool.request("GET", path, {}, **more)


def test_one_connection_carries_many_requests():
    with ScriptedServer({"*": lambda request: Answer(200, body=request.body)}) as server:
        pool = Pool(server.url + "/v3/", {})
        for number in range(5):
            answer = pool.request("POST", "jobs/1?a=b", {"X-Number": str(number)}, b"body %d" % number)
            assert (answer.status, answer.body) == (200, b"body %d" % number)
        assert server.connections_count == 1
        assert {request.target for request in server.seen} == {"/v3/jobs/1?a=b"}
        assert [request.headers["x-number"] for request in server.seen] == ["0", "1", "2", "3", "4"]


def test_parallel_requests_do_not_mix():
    with ScriptedServer({"*": lambda request: Answer(200, body=request.body)}) as server:
        pool = Pool(server.url, {})
        wrong = []

        def work(number):
            for turn in range(20):
                body = b"%d-%d" % (number, turn)
                if pool.request("PUT", "x", {}, body).body != body:
                    wrong.append(body)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert server.connections_count <= 8


@pytest.mark.parametrize(
    "raw, body",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nall", b"all"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n", b"abcde"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc", b"abc"),
    ],
)  # fmt: skip
def test_every_framing_of_a_body(raw, body):
    with ScriptedServer({"*": Raw(raw)}) as server:
        assert get(Pool(server.url, {})).body == body


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken line\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 1000, mtime=0)[:-9],
    ],
)  # fmt: skip
def test_a_damaged_answer_is_no_answer(raw):
    with ScriptedServer({"*": Raw(raw)}) as server, pytest.raises(Unreachable) as caught:
        get(Pool(server.url, {}))
    assert caught.value.may_retry
    assert f"GET {server.url}/x" in str(caught.value)


def test_an_endless_head_is_cut_off():
    endless = Raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000)
    with ScriptedServer({"*": endless}) as server, pytest.raises(Unreachable, match="too long"):
        get(Pool(server.url, {}))


def test_gzip_is_undone_on_the_way():
    packed = Answer(200, body=gzip.compress(b"text" * 1000), headers={"Content-Encoding": "gzip"})
    with ScriptedServer({"*": packed}) as server:
        assert get(Pool(server.url, {})).body == b"text" * 1000
        assert server.seen[0].headers["accept-encoding"] == "gzip"


def test_a_gzip_bomb_does_not_fill_the_memory(monkeypatch):
    from bkagent.transport.client import answer_reader

    monkeypatch.setattr(answer_reader, "BODY_LIMIT_BYTES", 1_000_000)
    bomb = Answer(200, body=gzip.compress(b"\0" * 20_000_000), headers={"Content-Encoding": "gzip"})
    with ScriptedServer({"*": bomb}) as server, pytest.raises(Unreachable, match="longer than"):
        get(Pool(server.url, {}))


def test_a_connection_that_died_while_idle_is_replaced_without_a_word():
    dying = [Answer(200, body=b"1", close=True), Answer(200, body=b"2")]
    with ScriptedServer({"*": dying}) as server:
        pool = Pool(server.url, {})
        assert pool.request("PUT", "x", {}, b"a").body == b"1"
        assert pool.request("PUT", "x", {}, b"b").body == b"2"
        assert [request.body for request in server.seen] == [b"a", b"b"]


def test_a_connection_that_dies_under_the_request_is_replaced_once():
    turns = [Answer(200, body=b"1"), Raw(), Answer(200, body=b"3")]
    with ScriptedServer({"*": turns}) as server:
        pool = Pool(server.url, {})
        get(pool)
        assert get(pool).body == b"3"
        assert server.connections_count == 2


@pytest.mark.parametrize("method", ("PUT", "POST"))
def test_what_is_not_idempotent_is_sent_again_only_by_the_caller(method):
    turns = [Answer(200, body=b"1"), Raw(), Answer(200, body=b"3")]
    with ScriptedServer({"*": turns}) as server:
        pool = Pool(server.url, {})
        get(pool)
        if method == "PUT":
            assert pool.request("PUT", "x", {}, b"a").body == b"3"
            assert len(server.seen) == 3
            return
        with pytest.raises(Unreachable, match="EOF") as caught:
            pool.request("POST", "x", {}, b"a")
        assert caught.value.may_retry
        assert len(server.seen) == 2


def test_a_new_connection_without_an_answer_is_an_error():
    with ScriptedServer({"*": Raw()}) as server, pytest.raises(Unreachable, match="EOF") as caught:
        get(Pool(server.url, {}))
    assert caught.value.may_retry
    assert len(server.seen) == 1


def test_a_reset_is_an_error_worth_another_try():
    with ScriptedServer({"*": Raw(b"HTTP/1.1 2", reset=True)}) as server, pytest.raises(Unreachable) as caught:
        get(Pool(server.url, {}))
    assert caught.value.may_retry


def test_refused_and_unknown_hosts_are_worth_another_try(closed_port):
    with pytest.raises(Unreachable, match="connection refused") as refused:
        get(Pool(f"http://127.0.0.1:{closed_port}", {}))
    assert refused.value.may_retry


def test_silence_ends_at_the_time_limit():
    hold = threading.Event()

    def silent(request):
        hold.wait(20)
        return Answer(200)

    with ScriptedServer({"*": silent}) as server:
        with pytest.raises(Unreachable, match="timed out") as caught:
            get(Pool(server.url, {}), timeout_s=0.2)
        hold.set()
    assert caught.value.may_retry


def test_an_early_answer_to_a_long_body_is_seen(tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(8_000_000))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse():
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

        thread = threading.Thread(target=refuse, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        answer = Pool("http://localhost", {}).request_url("PUT", url, {}, FileBody(str(tmp_path / "big"), 8_000_000))
        assert (answer.status, answer.body) == (413, b"no")


def test_files_go_out_in_parts_and_come_in_by_pieces(tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 5000)
    pieces = []
    with ScriptedServer({"*": lambda request: Answer(200, body=request.body)}) as server:
        pool = Pool("http://localhost", {})
        body = FileBody(str(tmp_path / "file"), 700_000, offset=256, before=b"<", after=b">")
        answer = pool.request_url("PUT", server.url + "/a b?sig=x%2Fy", {}, body, sink=pieces.append)
        assert (answer.status, answer.body) == (200, b"")
        assert b"".join(pieces) == b"<" + (bytes(range(256)) * 5000)[256:700_256] + b">"
        assert server.seen[0].target == "/a%20b?sig=x%2Fy"


def test_the_body_of_an_error_does_not_go_to_the_sink():
    pieces = []
    with ScriptedServer({"*": (404, {"message": "gone"})}) as server:
        answer = Pool("http://localhost", {}).request_url("GET", server.url, {}, sink=pieces.append)
        assert b"gone" in answer.body
        assert not pieces


def test_a_file_that_became_shorter_is_named(tmp_path):
    (tmp_path / "file").write_bytes(b"short")
    with ScriptedServer({"*": Answer(200)}) as server, pytest.raises(AgentError, match="has become shorter"):
        Pool("http://localhost", {}).request_url("PUT", server.url, {}, FileBody(str(tmp_path / "file"), 100))


@pytest.mark.parametrize(
    "status, method, body", [(301, "GET", b""), (303, "GET", b""), (307, "POST", b"b"), (308, "POST", b"b")]
)
def test_redirects_follow_the_rules_of_go(status, method, body):
    with ScriptedServer(
        {"POST /a": Answer(status, headers={"Location": "/b?c"}), "*": Answer(200, body=b"ok")}
    ) as server:
        assert Pool(server.url, {}).request("POST", "a", {"Authorization": "Token t"}, b"b").body == b"ok"
        last = server.seen[-1]
        assert (last.method, last.target, last.body) == (method, "/b?c", body)
        assert last.headers["authorization"] == "Token t"


def test_a_token_does_not_follow_a_redirect_to_another_host():
    with ScriptedServer({"*": Answer(200)}) as other:
        elsewhere = other.url.replace("localhost", "127.0.0.1") + "/x"
        with ScriptedServer({"*": Answer(302, headers={"Location": elsewhere})}) as server:
            Pool(server.url, {}).request("GET", "a", {"Authorization": "Token t", "X-Other": "kept"})
        assert "authorization" not in other.seen[0].headers
        assert other.seen[0].headers["x-other"] == "kept"


def test_a_token_does_not_follow_a_redirect_to_another_port():
    with ScriptedServer({"*": Answer(200)}) as other:
        with ScriptedServer({"*": Answer(307, headers={"Location": other.url + "/x"})}) as server:
            Pool(server.url, {}).request("GET", "a", {"Authorization": "Token t", "Cookie": "c=1", "X-Other": "kept"})
        assert not {"authorization", "cookie"} & set(other.seen[0].headers)
        assert other.seen[0].headers["x-other"] == "kept"


def test_a_token_that_stayed_behind_is_not_picked_up_again():
    with ScriptedServer() as other, ScriptedServer() as server:
        server.routes.update({"GET /a": Answer(302, headers={"Location": other.url}), "GET /b": Answer(200)})
        other.routes["*"] = Answer(302, headers={"Location": server.url + "/b"})
        Pool(server.url, {}).request("GET", "a", {"Authorization": "Token t"})
        assert ["authorization" in request.headers for request in server.seen] == [True, False]


def test_redirects_in_a_circle_end():
    with ScriptedServer({"*": Answer(302, headers={"Location": "/again"})}) as server:
        with pytest.raises(Unreachable, match="10 redirects") as caught:
            get(Pool(server.url, {}))
        assert not caught.value.may_retry


def test_a_redirect_to_another_scheme_is_refused():
    with ScriptedServer({"*": Answer(302, headers={"Location": "file:///etc/passwd"})}) as server:
        with pytest.raises(Unreachable) as caught:
            get(Pool(server.url, {}))
        assert not caught.value.may_retry


@pytest.mark.parametrize(
    "endpoint", ["", "agent.example.com/v3", "ftp://x/", "http://", "http://x:99999/", "http://[::1"]
)
def test_an_endpoint_that_is_no_url_is_named(endpoint):
    with pytest.raises(ConfigError, match="endpoint"):
        Pool(endpoint, {})


def test_a_header_cannot_smuggle_another_one_in():
    with ScriptedServer({"*": Answer(200)}) as server:
        with pytest.raises(ConfigError, match="Authorization"):
            Pool(server.url, {}).request("GET", "x", {"Authorization": "Token a\r\nX-Evil: 1"})
        assert not server.seen


def test_messages_show_no_query_and_no_password(closed_port):
    with pytest.raises(Unreachable) as caught:
        Pool("http://localhost", {}).request_url("GET", f"http://u:pw@127.0.0.1:{closed_port}/a?sig=secret", {})
    assert "secret" not in str(caught.value) and "pw" not in str(caught.value)


def test_closing_the_pool_ends_what_is_under_way():
    entered, hold = threading.Event(), threading.Event()

    def silent(request):
        entered.set()
        hold.wait(20)
        return Answer(200)

    with ScriptedServer({"*": silent}) as server:
        pool, caught = Pool(server.url, {}), []

        def work():
            try:
                get(pool)
            except Unreachable as problem:
                caught.append(problem)

        thread = threading.Thread(target=work)
        thread.start()
        assert entered.wait(10)
        pool.close()
        thread.join(10)
        assert not thread.is_alive() and caught
        hold.set()
        with pytest.raises(Unreachable, match="closed"):
            get(pool)


# Proxies


def test_plain_requests_go_to_the_proxy_with_the_whole_url():
    with ScriptedServer({"*": Answer(200, body=b"proxied")}) as proxy:
        environ = {"HTTP_PROXY": f"http://user:p%40ss@localhost:{proxy.port}", "NO_PROXY": "other.test"}
        assert Pool("http://agent.test/v3", environ).request("GET", "ping", {}).body == b"proxied"
        assert proxy.seen[0].target == "http://agent.test/v3/ping"
        assert proxy.seen[0].headers["host"] == "agent.test"
        assert proxy.seen[0].headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


@pytest.mark.parametrize(
    "rule, host, excepted",
    [
        ("*", "a.test", True), ("a.test", "a.test", True), ("a.test", "b.a.test", True), ("a.test", "ba.test", False),
        (".a.test", "a.test", False), (".a.test", "b.a.test", True), ("*.a.test", "b.a.test", True),
        ("a.test:80", "a.test", True), ("a.test:81", "a.test", False), ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False), ("10.1.2.3", "10.1.2.3", True), ("", "localhost", True),
        ("", "127.0.0.9", True), ("", "[::1]", True), (" b.test , A.TEST ", "a.test", True),
        ("10.0.0.0/99", "10.1.2.3", False),
    ],
)  # fmt: skip
def test_who_is_excepted_from_the_proxy(rule, host, excepted):
    from bkagent.transport.client.proxies import Proxies

    proxies = Proxies({"http_proxy": "proxy.test:3128", "no_proxy": rule})
    found = proxies.proxy_for(parse(f"http://{host}/"))
    assert (found is None) == excepted
    if found:
        assert (found.host, found.port) == ("proxy.test", 3128)


@pytest.mark.parametrize("value", ["socks5://x:1", "https://x:1", "http://"])
def test_a_proxy_that_cannot_be_used_is_named(value):
    with pytest.raises(ConfigError, match="HTTP_PROXY"):
        get(Pool("http://a.test", {"HTTP_PROXY": value}))


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_context(authority):
    return certificates.server_side(authority)


def test_https_with_an_authority_of_ones_own(authority, tls_context):
    with ScriptedServer({"*": lambda request: Answer(200, body=request.body)}, tls=tls_context) as server:
        pool = Pool(server.url, {"SSL_CERT_FILE": str(authority / "ca.pem")})
        for _ in range(3):
            assert pool.request("POST", "x", {}, b"a" * 300_000).body == b"a" * 300_000
        assert server.connections_count == 1


def test_an_unknown_authority_is_an_error_for_good(tls_context):
    with ScriptedServer({"*": Answer(200)}, tls=tls_context) as server:
        with pytest.raises(Unreachable, match="certificate is not trusted") as caught:
            get(Pool(server.url, {}))
        assert not caught.value.may_retry


def test_a_missing_authority_file_is_named(tls_context):
    server = ScriptedServer({"*": Answer(200)}, tls=tls_context)
    with server, pytest.raises(ConfigError, match="SSL_CERT_FILE .*nowhere.pem"):
        get(Pool(server.url, {"SSL_CERT_FILE": "/nowhere.pem"}))


def test_https_through_a_proxy_is_a_tunnel(authority, tls_context):
    with ScriptedServer({"*": Answer(200, body=b"secret")}, tls=tls_context) as server:
        asked, listener = [], socket.create_server(("127.0.0.1", 0))

        def tunnel():
            client, _ = listener.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1000)
            asked.append(head)
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            upstream = socket.create_connection(("127.0.0.1", server.port))
            threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
            pump(upstream, client)

        def pump(source, sink):
            try:
                while True:
                    data = source.recv(65536)
                    if not data:
                        return sink.shutdown(socket.SHUT_WR)
                    sink.sendall(data)
            except OSError:
                return None

        threading.Thread(target=tunnel, daemon=True).start()
        environ = {
            "HTTPS_PROXY": f"http://u:p@127.0.0.1:{listener.getsockname()[1]}",
            "SSL_CERT_FILE": str(authority / "ca.pem"),
        }
        with listener:
            assert get(Pool(f"https://agent.test:{server.port}", environ)).body == b"secret"
        assert asked[0].startswith(b"CONNECT agent.test:%d HTTP/1.1\r\n" % server.port)
        assert b"Proxy-Authorization: Basic dTpw" in asked[0]


def test_a_proxy_that_says_no_is_an_error_for_good():
    with ScriptedServer({"*": Answer(407)}) as proxy:
        with pytest.raises(Unreachable, match="407") as caught:
            get(Pool("https://agent.test", {"HTTPS_PROXY": f"localhost:{proxy.port}"}))
        assert not caught.value.may_retry


# Chance


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"text" * 20, mtime=0),
]


def test_damaged_answers_end_in_an_answer_or_an_error():
    chance = random.Random(11)
    damaged = []

    def spoil():
        data = bytearray(chance.choice(ANSWERS))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = bytes(chance.randrange(256) for _ in range(chance.randrange(3)))
        return Raw(bytes(data[: chance.randrange(len(data) + 20)]))

    with ScriptedServer({"*": lambda request: spoil()}) as server:
        for _ in range(400):
            try:
                damaged.append(get(Pool(server.url, {}), timeout_s=10).status)
            except Unreachable as problem:
                damaged.append(str(problem))
    assert 200 in damaged and any(isinstance(end, str) for end in damaged)
    assert not any("timed out" in str(end) for end in damaged)


@pytest.mark.raced
def test_closing_the_pool_ends_a_connection_that_is_only_being_made():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # fills the queue, so that the next one hears nothing
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        pool, caught = Pool(f"http://127.0.0.1:{full.getsockname()[1]}", {}), []

        def work():
            try:
                get(pool, timeout_s=60)
            except Unreachable as problem:
                caught.append(problem)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not pool._busy and time.monotonic() < deadline:
            time.sleep(0.01)
        pool.close()
        thread.join(20)
        assert not thread.is_alive() and caught
        for client in waiting:
            client.close()


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_closing_the_pool_ends_a_request_to_a_server_that_never_answers(scheme):
    """Of https it is the handshake that waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pool, caught = Pool(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", {}), []

        def work():
            try:
                get(pool, timeout_s=600)
            except Unreachable as problem:
                caught.append(str(problem))

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1)  # of the handshake, or of the request
            pool.close()
            thread.join(60)
        assert caught and "timed out" not in caught[0]


def test_a_token_does_not_follow_a_redirect_away_from_tls(authority, tls_context):
    with ScriptedServer({"*": Answer(200)}) as plain:
        with ScriptedServer({"*": Answer(302, headers={"Location": plain.url})}, tls=tls_context) as server:
            pool = Pool(server.url, {"SSL_CERT_FILE": str(authority / "ca.pem")})
            pool.request("GET", "a", {"Authorization": "Token t"})
        assert "authorization" not in plain.seen[0].headers


def test_addresses_are_read_as_the_standard_library_reads_them():
    chance = random.Random(1)
    pieces = (
        "http://", "https://", "HTTP://", "ftp://", "http:/", "a", "B.example", "127.0.0.1", "[::1]", ":", ":80", ":0",
        ":65535", ":65536", ":080", ":x", ":1234567", "@", "user:pw@", "/", "//", "/a b", "/\u00fc", "?", "?a=b&c=%41",
        "#", "#f", " ", "\t", "\\", "-", "_", "%2f", "/~x;y,z", '/"^`{|}', "/\x00", "/<>",
    )  # fmt: skip
    read_count = 0
    for _ in range(20_000):
        url = chance.choice(pieces[:4]) + "".join(chance.choices(pieces, k=chance.randrange(7)))
        try:
            parts = urlsplit(url.strip())
            ports = {"http": 80, "https": 443}
            port, host = parts.port or ports[parts.scheme], parts.hostname or ""
            if parts.scheme not in ports or not host or any(letter <= " " for letter in host):
                raise ValueError(url)
        except (ValueError, KeyError):
            with pytest.raises(ConfigError):
                parse(url)
            continue
        read_count += 1
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        escaped = quote(target, safe="%/:=&?~+!$,;'@()*[]|^`{}\"")
        userinfo = parts.netloc.rpartition("@")[0]
        assert parse(url) == (parts.scheme, host, port, escaped if escaped[:1] == "/" else "/" + escaped, userinfo), url
    assert read_count > 2000


@pytest.mark.parametrize(
    "url, shown",
    [
        ("https://user:pw@host:8443/a/b?X-Amz-Signature=00", "https://host:8443/a/b"),
        ("http://host/-/uploads/0190a1b2-0190-4190-8190-0190a1b2c3d4/" + 32 * "0f", "http://host/-/uploads/"
         "0190a1b2-0190-4190-8190-0190a1b2c3d4/[REDACTED]"),
        ("https://host/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln/x", "https://host/[REDACTED]/x"),
        ("https://host/notes-on-release-2.10.3-of-2026-11-29-for-linux.txt",
         "https://host/notes-on-release-2.10.3-of-2026-11-29-for-linux.txt"),
    ],
)  # fmt: skip
def test_messages_show_addresses_without_what_lets_their_reader_in(url, shown):
    assert parse(url).shown == shown
