"""Notice a leader of the Agent API that hangs: its process runs no more, and yet holds the lock that says who leads.

The other agents sleep in that lock, so they cannot know. The agent of such a process kills it; every other one can only
name it, since it may be in the hands of a person with a debugger, or of another agent that is stopped as well.
"""

from __future__ import annotations

import os
from typing import Callable

from bkagent.localapi.leader import leader_ping
from bkagent.system import local_socket
from bkagent.wire.lock_protocol import LEADER_LINK, process_at
from bkagent.wire.log_events import EventReport

LOOK_EVERY_S = 10.0
ANSWERS_WITHIN_S = 10.0  # together less than the time that a command waits for an answer


class LeaderWatch:
    """Looks at the leader of a folder of sockets.

    `own_address()` is where the process of this agent serves while it has the lock, else ""; `kill_own()` ends it.
    """

    def __init__(
        self, sockets_path: str, own_address: Callable[[], str], kill_own: Callable[[], None], report: EventReport
    ) -> None:
        self._link = os.path.join(sockets_path, LEADER_LINK)
        self._own_address, self._kill_own, self._report = own_address, kill_own, report
        self._reported = ""  # the socket of the leader that hung at the last look

    def look(self, answers_within_s: float = ANSWERS_WITHIN_S) -> None:
        """Ask the leader whether it lives, and report it, or kill it, if it does not answer in time."""
        leader, silent = local_socket.link_target(self._link), ""
        try:
            leader_ping.ping(self._link, answers_within_s)
        except leader_ping.SilentLeader:
            silent = leader
        except (leader_ping.NoLeader, leader_ping.LateLeader):
            pass  # nothing is in the way of another one; how it answers is for those who want to take its place
        if silent and silent == local_socket.link_target(self._link) and silent != self._reported:
            self._report_hanging(silent, answers_within_s)
        self._reported = silent

    def _report_hanging(self, leader: str, answers_within_s: float) -> None:
        process = process_at(leader)
        if leader == self._own_address():
            text = f"{process}, of the Agent API, did not answer within {answers_within_s:g} s and is killed"
            self._report("warn", text, "agent_api.process_killed")
            self._kill_own()
            return
        text = (
            f"Agent API: {process}, which leads at {leader}, did not answer within {answers_within_s:g} s: "
            "it is stopped, or hangs. Until it goes on, or is killed, commands about locks fail"
        )
        self._report("warn", text, "agent_api.leader_hung")
