"""A unit of systemd with `WatchdogSec=`: the agent says that it works while its heartbeats arrive."""

import contextlib
import os
import select
import socket
import sys

import pytest

from tests.fakes.control_plane import FakeControlPlane, deadline

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="a service manager's socket is a Unix socket")

WORD = b"WATCHDOG=1"
INTERVAL_S = 0.2


def hurrying():
    return FakeControlPlane(ping_interval=0.2, heartbeat_interval=0.2)


@pytest.fixture
def plane():
    with hurrying() as running:
        yield running


@pytest.fixture
def manager(tmp_path):
    """Return a socket that listens as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        yield listening


def hears(manager, patience_s):
    """Return the next word, None where there is none in time."""
    return manager.recv(100) if select.select([manager], [], [], patience_s)[0] else None


def asked(manager, **more):
    return {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": str(int(INTERVAL_S * 1e6)), **more}


def test_the_word_is_given_while_heartbeats_arrive(plane, start, manager):
    agent = start("--spawn", "2", env=asked(manager))
    assert [hears(manager, 30) for _ in range(5)] == [WORD] * 5, agent.said
    fault = plane.break_down("^POST heartbeat$", 500)
    assert plane.wait_for(lambda: fault.hits)
    patience = deadline()
    while hears(manager, 10 * INTERVAL_S):
        assert patience(), "the agent goes on saying that it works"
    plane.faults.remove(fault)
    assert hears(manager, 30) == WORD, agent.said


@pytest.mark.skipif(sys.platform != "linux", reason="names outside the file system are Linux's")
def test_an_address_outside_the_file_system(start):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0bkagent-test-{os.getpid()}")
        agent = start(env={"NOTIFY_SOCKET": f"@bkagent-test-{os.getpid()}", "WATCHDOG_USEC": "200000"})
        assert hears(manager, 30) == WORD, agent.said


SILENT = (
    ({"WATCHDOG_USEC": ""}, ""),
    ({"WATCHDOG_PID": "1"}, ""),
    ({"WATCHDOG_USEC": "0"}, "WATCHDOG_USEC must be a number of microseconds, but is '0'"),
    ({"WATCHDOG_USEC": "1e6"}, "WATCHDOG_USEC must be a number of microseconds, but is '1e6'"),
    ({"NOTIFY_SOCKET": "/no/such/socket"}, "systemd's watchdog cannot be reached: /no/such/socket"),
)


def test_nothing_is_said_where_nothing_is_asked_or_nothing_listens(start, manager, tmp_path):
    with contextlib.ExitStack() as planes:
        agents = []
        for number, (changes, _) in enumerate(SILENT):
            plane = planes.enter_context(hurrying())
            plane.add_job("true")
            root = tmp_path / f"agent-{number}"
            agents.append(start("--disconnect-after-job", plane=plane, root=root, env=asked(manager, **changes)))
        for agent, (_, sentence) in zip(agents, SILENT):
            assert agent.wait() == 0, agent.said
            assert agent.said.count("WATCHDOG_USEC") + agent.said.count("watchdog") == bool(sentence), agent.said
            assert sentence in agent.said
    assert hears(manager, 0) is None
