"""How an agent notices that the leader of the Agent API hangs."""

import os

import pytest

from bkagent.agent.leader_watch import LeaderWatch
from bkagent.system import local_socket
from tests.fakes.fake_leader import FakeLeader

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Unix sockets")

LIMIT_S = 0.05


@pytest.mark.parametrize("own_pid", [4711, 99])
def test_a_process_that_does_not_answer_is_killed_by_its_agent_and_named_by_others(tmp_path, own_pid):
    events, killed = [], []
    watch = LeaderWatch(
        str(tmp_path),
        lambda: str(tmp_path / f"agent-{own_pid}"),
        lambda: killed.append(1),
        lambda *report: events.append(report),
    )
    watch.look(LIMIT_S)  # no leader yet
    listener = local_socket.listen(str(tmp_path / "agent-4711"), 8)
    os.symlink(str(tmp_path / "agent-4711"), tmp_path / "agent-leader")
    try:
        watch.look(LIMIT_S)
        watch.look(LIMIT_S)
    finally:
        listener.close()
    ((level, text, event),) = events
    assert (level, bool(killed)) == ("warn", own_pid == 4711) and "4711" in text and "within 0.05 s" in text
    assert event == ("agent_api.process_killed" if killed else "agent_api.leader_hung")
    watch.look(LIMIT_S)  # it is gone
    with FakeLeader(tmp_path):
        watch.look(30)
    assert len(events) == 1
