"""Hundreds of open pages and held pings at one server: none of them costs a thread."""

from __future__ import annotations

import socket
import sys
import time
from typing import Any, List

import pytest

from bkagent.transport.event_server.event_service import QUICK_COUNT, WORKERS_COUNT
from tests.controlplane_http.conftest import WAIT_S

PAGES_COUNT, AGENTS_COUNT = 100, 120


def threads_count() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


def read_until(client: socket.socket, end: bytes) -> bytes:
    got = b""
    while end not in got:
        block = client.recv(65536)
        assert block, got
        got += block
    return got


def open_pages(desk: Any, path: str) -> List[socket.socket]:
    """Return connections to which the changes of a page are sent."""
    lines = f"GET {path} HTTP/1.1\r\nHost: x\r\nCookie: {desk.page().cookie}\r\n\r\n"
    return [send(desk, lines) for _ in range(PAGES_COUNT)]


def send(desk: Any, lines: str) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", desk.port), WAIT_S)
    client.sendall(lines.encode())
    return client


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads by /proc")
@pytest.mark.parametrize("desk", [2.0], indirect=True)
def test_pages_and_held_pings_cost_no_threads(desk: Any) -> None:
    before = threads_count()
    pages = open_pages(desk, "/-/live")
    assert all(b"retry: 2000" in read_until(client, b"\n\n") for client in pages)
    agents = [desk.registered(name=f"agent-{number}") for number in range(AGENTS_COUNT)]
    for agent in agents:
        agent.connection.request("GET", "/v3/ping", headers={"Authorization": agent.authorization})
    deadline = time.monotonic() + WAIT_S
    while len(desk.plane.dispatch._idle) < AGENTS_COUNT and time.monotonic() < deadline:
        time.sleep(0.002)
    # A thread for the alarm, and those of the server.
    assert threads_count() - before <= WORKERS_COUNT + QUICK_COUNT + 1
    for client in pages:
        read_until(client, b"event: changed")
    desk.build({"command": "true", "parallelism": AGENTS_COUNT // 2})
    with_job = [agent for agent in agents if b'"job":{' in agent.connection.getresponse().read()]
    assert len(with_job) == AGENTS_COUNT // 2
    for client in pages:
        read_until(client, b"event: changed")
        client.close()
    while desk.server._http._service.members and time.monotonic() < deadline:
        time.sleep(0.002)
        for agent in agents:
            agent.connection.close()
    assert desk.plane.feed.has_subscribers is False
