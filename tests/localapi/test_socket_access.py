"""Clients that mean no good, or know no better: each gets a clear answer or is cut, and others are served meanwhile.

Who may put a socket where, and folders of other users: tests/whole/test_trusted_sockets.py. Tokens and hosts:
test_job_api.py. Oversized bodies: test_job_server.py.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from bkagent.errors import AgentError
from bkagent.localapi import job_server
from bkagent.system import local_socket, unguessable
from tests.localapi.test_job_server import ENV, WAIT_S, Site, State, answer_of, read_all

if sys.platform == "win32":
    pytest.skip("no Unix sockets", allow_module_level=True)

import resource

NEVER_S = 3600.0
SERVED = (200, b'{"env":{"A":"1"}}\n')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    running = Site(str(tmp_path))
    yield running
    running.server.stop()


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process, which is client and server in one, have as many files open as a test needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 4096:
        pytest.skip("this user may have few files open")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def begin(site: Site, *, with_token: bool, body: str = "", method: str = "GET") -> socket.socket:
    """Return a connection with a request on it, whose body may have to follow."""
    token = f"Authorization: Bearer {site.token}\r\n" if with_token else ""
    client = site.connect()
    client.sendall(f"{method} {ENV} HTTP/1.1\r\nHost: job\r\n{token}{body}\r\n".encode())
    return client


@pytest.mark.parametrize("count", [500, 700])
def test_idle_connections_keep_nobody_out(site: Site, many_files: None, count: int) -> None:
    """Half of them have shown the token. More than the server holds make room for new ones."""
    idle: List[socket.socket] = []
    try:
        for number in range(count):
            idle.append(begin(site, with_token=True) if number % 2 else site.connect())
            if number % 2:
                assert idle[-1].recv(4096).startswith(b"HTTP/1.1 200 ")
        assert [site.ask(f"GET {ENV}") for _ in range(3)] == [SERVED] * 3
        if count == 500:
            idle[1].sendall(f"GET {ENV} HTTP/1.1\r\nHost: job\r\nAuthorization: Bearer {site.token}\r\n\r\n".encode())
            assert idle[1].recv(4096).startswith(b"HTTP/1.1 200 ")  # it goes on
    finally:
        for client in idle:
            client.close()


def test_a_client_that_sends_a_byte_now_and_then_keeps_nobody_waiting(site: Site) -> None:
    body = b'{"env":{"B":"2"}}'
    slow = begin(site, with_token=True, method="PATCH", body=f"Content-Length: {len(body)}\r\n")
    with slow, site.connect() as slower:
        for at, byte in enumerate(body):
            slow.sendall(bytes([byte]))
            slower.sendall(f"GET {ENV} HTTP/1.1\r\n".encode()[at : at + 1])
            assert site.ask(f"GET {ENV}") == SERVED
        assert slow.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_head_that_takes_too_long_is_answered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bkagent.transport.server.server_connection.HEAD_LIMIT_S", 0.2)
    with site.connect() as client:
        client.sendall(b"GET ")
        status, body = answer_of(read_all(client))
    assert status == 408 and b"took longer than" in body


def test_a_body_that_does_not_come_is_answered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bkagent.transport.server.server_connection.STALL_LIMIT_S", 0.2)
    with begin(site, with_token=True, method="PATCH", body="Content-Length: 99\r\n") as client:
        status, body = answer_of(read_all(client))
    assert status == 408 and b"too slowly" in body


@pytest.mark.parametrize("what", ["nothing", "half a head", "an answered request"])
def test_the_end_closes_idle_connections_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(job_server, "_STALL_LIMIT_S", NEVER_S)
    monkeypatch.setattr(job_server, "_STOP_LIMIT_S", NEVER_S)
    site = Site(str(tmp_path))
    with site.connect() as client:
        if what == "half a head":
            client.sendall(b"GET ")
        elif what == "an answered request":
            client.sendall(f"GET {ENV} HTTP/1.1\r\nHost: job\r\nAuthorization: Bearer {site.token}\r\n\r\n".encode())
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
        end(site)
        assert is_cut(client)


@pytest.mark.parametrize("with_token", [True, False])
def test_the_end_waits_a_moment_for_a_client_that_sends_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_token: bool
) -> None:
    monkeypatch.setattr(job_server, "_STOP_LIMIT_S", NEVER_S)
    site = Site(str(tmp_path))
    with begin(site, with_token=with_token, method="PATCH", body="Content-Length: 99\r\n"):
        end(site)


def test_the_end_waits_a_moment_for_a_client_that_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_server, "_STOP_LIMIT_S", NEVER_S)
    monkeypatch.setattr(State, "env", lambda self: {"A": "1" * 10_000_000})
    site = Site(str(tmp_path))
    with begin(site, with_token=True) as client:
        assert client.recv(1) == b"H"
        end(site)


def test_the_end_lets_a_request_under_way_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(job_server, "_STALL_LIMIT_S", 0.01)

    def env(state: State) -> "Dict[str, str]":
        begun.set()
        go_on.wait(WAIT_S)
        return {"A": "1"}

    monkeypatch.setattr(State, "env", env)
    site = Site(str(tmp_path))
    with begin(site, with_token=True) as client:
        assert begun.wait(WAIT_S)
        ending = threading.Thread(target=site.server.stop)
        ending.start()
        ending.join(0.1)  # ten times what a client is waited for
        assert ending.is_alive()
        go_on.set()
        assert answer_of(read_all(client)) == SERVED
        ending.join(WAIT_S)
        assert not ending.is_alive()


def end(site: Site) -> None:
    """Stop the server; fails where it waits for what never comes."""
    ending = threading.Thread(target=site.server.stop, daemon=True)
    ending.start()
    ending.join(WAIT_S)
    assert not ending.is_alive()


def is_cut(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:  # what it sent was not read
        return True


@pytest.mark.parametrize("what", ["a stale socket", "a link", "a link without an end", "a file", "a folder"])
def test_what_is_in_the_place_of_a_socket_stays_and_another_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    numbers = iter((5, 5, 6))
    monkeypatch.setattr(unguessable, "below", lambda limit: next(numbers))
    folder, elsewhere = tmp_path / "job-api", tmp_path / "elsewhere"
    folder.mkdir(mode=0o700)
    place = folder / f"{os.getpid()}-5.sock"
    if what == "a stale socket":
        local_socket.listen(str(place), 1).close()
    elif what == "a link":
        elsewhere.touch()
        place.symlink_to(elsewhere)
    elif what == "a link without an end":
        place.symlink_to(elsewhere)
    elif what == "a file":
        place.touch()
    else:
        place.mkdir()
    before = place.lstat()
    site = Site(str(tmp_path))
    assert site.path == str(folder / f"{os.getpid()}-6.sock") and site.ask(f"GET {ENV}") == SERVED
    site.server.stop()
    assert os.path.samestat(before, place.lstat()) and [path.name for path in folder.iterdir()] == [place.name]


def test_a_path_too_long_for_the_system_is_named(tmp_path: Path) -> None:
    folder = str(tmp_path / ("long" * 30))
    with pytest.raises(AgentError, match=r"^no local socket for the job: the path /.*long.* is \d+ bytes long and"):
        Site(folder)
    server = job_server.JobServer(folder, State(), None, fallback_path="/tmp")
    try:
        path, _ = server.start()
        assert len(os.fsencode(path)) <= local_socket.longest_path_bytes()
    finally:
        server.stop()


def test_the_socket_is_for_its_user_alone(site: Site, tmp_path: Path) -> None:
    assert (tmp_path / "job-api").stat().st_mode & 0o777 == 0o700
    (tmp_path / "job-api").chmod(0o755)
    again = Site(str(tmp_path))
    again.server.stop()
    assert (tmp_path / "job-api").stat().st_mode & 0o777 == 0o700
