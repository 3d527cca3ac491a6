"""Clients without a token that hold connections of the archive's server: those who have one are served all the same."""

from __future__ import annotations

import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.whole.agent_caller import WAIT_S, Caller
from tests.whole.running import wait_until
from tests.whole.site import Site

resource = pytest.importorskip("resource", reason="many connections at once need a limit of descriptors raised")
HELD_COUNT = 600  # more than the server holds
FEW = 16
PROMISED = b"POST /v3/register HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"


@pytest.fixture(scope="module")
def site(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with Site(archive, tmp_path_factory.mktemp("silencing")) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def held(site: Site) -> Iterator["List[socket.socket]"]:
    """Connections that a test holds; they are closed when it has ended."""
    connections: List[socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def connect(site: Site, data: bytes = b"") -> socket.socket:
    connection = socket.create_connection(Caller(site).address, WAIT_S)
    try:
        connection.sendall(data)
    except OSError:
        pass  # it has made room already
    return connection


def has_ended(connection: socket.socket) -> bool:
    """Say whether the server has closed a connection that it sends nothing on."""
    connection.setblocking(False)
    try:
        return connection.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.mark.parametrize(
    "data",
    [b"", b"GET /v3 HT", PROMISED, b"GET /v3 HTTP/1.1\r\nHost: x\r\n\r\n" * 100],
    ids=["silent", "half a head", "a byte of a promised body", "many requests and no answer read"],
)
def test_agents_are_served_while_others_hold_connections(site: Site, held: "List[socket.socket]", data: bytes) -> None:
    fleet = [Caller(site) for _ in range(20)]
    sessions = [agent.session() for agent in fleet]
    sockets = [agent._connection.sock for agent in fleet]
    for _ in range(HELD_COUNT):
        held.append(connect(site, data))
    late = Caller(site)
    assert late.call("POST", "/v3/heartbeat", late.session(), {})[0] == 200
    # Those who have shown their tokens share an address with the others, and lost no connection by it.
    for agent, session in zip(fleet, sessions):
        assert agent.call("POST", "/v3/heartbeat", session, {})[0] == 200
    assert [agent._connection.sock for agent in fleet] == sockets


def test_a_fleet_that_starts_behind_one_address_is_not_limited(site: Site) -> None:
    with ThreadPoolExecutor(4 * FEW) as pool:
        fleet = list(pool.map(lambda _: Caller(site), range(4 * FEW)))
        sessions = list(pool.map(Caller.session, fleet))
        statuses = pool.map(lambda pair: pair[0].call("POST", "/v3/heartbeat", pair[1], {})[0], zip(fleet, sessions))
        assert list(statuses) == [200] * len(fleet)


def test_a_refusal_is_sent_before_the_body_is_read(site: Site, held: "List[socket.socket]") -> None:
    held.append(connect(site, PROMISED))
    answer = b"".join(iter(lambda: held[0].recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 401 ") and b"Connection: close\r\n" in answer


@pytest.mark.parametrize("path", [b"/v3", b"/-/login", b"/-/style.css"])
def test_who_has_no_token_has_one_request_a_connection(site: Site, held: "List[socket.socket]", path: bytes) -> None:
    held.append(connect(site, b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path * 20))
    answer = b"".join(iter(lambda: held[0].recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 ") == 1 and b"Connection: close\r\n" in answer


def test_an_address_without_a_token_has_few_connections(site: Site, held: "List[socket.socket]") -> None:
    held += [connect(site) for _ in range(3 * FEW)]
    ended: "set[socket.socket]" = set()

    def few_are_left() -> bool:
        connect(site).close()  # a new one makes the server look
        ended.update(connection for connection in held if connection not in ended and has_ended(connection))
        return len(ended) >= 2 * FEW

    assert wait_until(few_are_left)


@pytest.fixture
def open_site(archive: str, tmp_path: Path, site: Site) -> Iterator[Site]:
    """A server whose pages need no token; `site` has raised the limit of descriptors."""
    with Site(archive, tmp_path, "--open-pages") as running:
        yield running


def test_readers_without_a_token_that_do_not_read_silence_no_agent(
    open_site: Site, held: "List[socket.socket]"
) -> None:
    caller = Caller(open_site)
    (job,) = caller.build("app", {"command": "a"})["jobs"]
    token, block = caller.begin(job["id"], caller.session()), bytes(1 << 20)
    for number in range(8):
        path = f"/v3/jobs/{job['id']}/chunks?sequence={number}&offset={number << 20}&size={1 << 20}"
        assert caller.call("POST", path, token, body=gzip.compress(block), Content_Encoding="gzip")[0] == 201
    for _ in range(HELD_COUNT):
        path = f"/local/app/builds/1/jobs/{job['id']}/log.txt"
        held.append(connect(open_site, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode("ascii")))
    assert held[-1].recv(12) == b"HTTP/1.1 200"
    late = Caller(open_site)
    assert late.call("POST", "/v3/heartbeat", late.session(), {})[0] == 200


def test_event_streams_without_a_token_take_no_place_of_the_others(
    open_site: Site, held: "List[socket.socket]"
) -> None:
    stream = b"GET /-/live HTTP/1.1\r\nHost: localhost\r\n"
    held += [connect(open_site, stream + b"\r\n") for _ in range(FEW)]
    assert {connection.recv(12) for connection in held} == {b"HTTP/1.1 200"}
    held.append(connect(open_site, stream + b"\r\n"))
    assert held[-1].recv(12) == b"HTTP/1.1 503"
    token = Caller(open_site).api.encode("ascii")
    held.append(connect(open_site, stream + b"Authorization: Bearer " + token + b"\r\n\r\n"))
    assert held[-1].recv(12) == b"HTTP/1.1 200"
