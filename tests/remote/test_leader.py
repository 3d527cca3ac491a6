"""Requests to a leader that is there and does not answer: its process is stopped, or hangs."""

import os

import pytest

from bkagent.errors import AgentError
from bkagent.remote import local_http
from bkagent.remote.locks.leader import Leader, Wait
from bkagent.system import local_socket
from bkagent.wire.lock_protocol import ACQUIRE
from tests.fakes.fake_leader import FakeLeader

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Unix sockets")


@pytest.fixture
def folder(tmp_path):
    """A folder whose leader, process 4711, accepts connections and nothing else."""
    listener = local_socket.listen(str(tmp_path / "agent-4711"), 8)
    os.symlink("agent-4711", tmp_path / "agent-leader")
    yield tmp_path
    listener.close()


@pytest.mark.parametrize("wait", [None, Wait(0)])
def test_a_command_fails_and_names_the_process(folder, monkeypatch, wait):
    monkeypatch.setattr(local_http, "_SILENCE_S", 0.02)
    with pytest.raises(AgentError, match=r"did not answer within 0.1s: process 4711 is stopped, or hangs"):
        Leader(str(folder)).ask("POST", ACQUIRE, {"key": "k"}, wait, answers_within_s=0.1)


def test_a_command_that_is_to_wait_briefly_fails_soon(folder, monkeypatch):
    assert [Wait(limit_s).patience_s(30) for limit_s in (0, 1000, 0.001)] == [30, 30, 5]
    monkeypatch.setattr(local_http, "_SILENCE_S", 0.02)
    monkeypatch.setattr(Wait, "patience_s", lambda self, most_s: 0.1)
    with pytest.raises(AgentError, match=r"did not answer within 0.1s: process 4711 is stopped, or hangs"):
        Leader(str(folder)).ask("POST", ACQUIRE, {"key": "k"}, Wait(0))


@pytest.mark.parametrize("wait", [None, Wait(0)])
def test_a_command_goes_on_to_another_leader(folder, monkeypatch, wait):
    monkeypatch.setattr(local_http, "_SILENCE_S", 0.02)
    connect = local_socket.connect
    other = FakeLeader(folder)
    still_to_lead = [other]

    def connect_before_another_leads(path, timeout_s):
        connection = connect(path, timeout_s)
        if still_to_lead:
            still_to_lead.pop().__enter__()
        return connection

    monkeypatch.setattr(local_http.local_socket, "connect", connect_before_another_leads)
    try:
        answer = Leader(str(folder)).ask("POST", ACQUIRE, {"key": "k"}, wait)
    finally:
        other.__exit__()
    assert (answer.status, answer.repeated) == (404, True)
