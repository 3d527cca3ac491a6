"""A process of the Agent API: it stands for election, and serves while it leads. One beside each agent.

It is a process and no thread, so that nothing that the agent does for its jobs delays an answer: an agent of the
reference waits for one for 100 ms.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from bkagent.errors import AgentError
from bkagent.localapi.answers import json_answer
from bkagent.localapi.leader import leader_server
from bkagent.localapi.leader.agent_line import AgentLine
from bkagent.localapi.leader.election import Election
from bkagent.localapi.leader.leader_server import LeaderServer
from bkagent.system import private_folder
from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.wire.lock_protocol import PING
from bkagent.wire.log_events import with_event
from bkagent.wire.timestamps import rfc3339

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport

_STOP_LIMIT_S = 2.0
_NOT_FOUND = Answer(404, b"404 page not found\n", (("Content-Type", "text/plain; charset=utf-8"),))


class LeaderService:
    """What is elected: the server of a folder of sockets, with the answers that a leader gives."""

    def __init__(self, folder: str, report: EventReport) -> None:
        self._server = LeaderServer(folder, self._answer, with_event(report, "agent_api.connection_failed"))

    def open(self) -> str:
        """Begin to serve; return the socket's path. Raises OSError."""
        return self._server.open()

    def lead(self) -> None:
        """Serve as the leader."""

    def follow(self) -> None:
        """Serve as one of those that do not lead."""

    def close(self) -> None:
        """Serve no longer."""
        self._server.close()

    def _answer(self, request: Request) -> Answer:
        if request.method == "GET" and request.head.target.partition("?")[0] == PING:
            return json_answer(200, {"now": rfc3339(time.time_ns())})
        return _NOT_FOUND


def serve(folder: str, line_fd: int) -> int:
    """Serve the agent at the other end of the line; return the exit status where it cannot. Else ends the process.

    What keeps this agent from taking part is reported as `agent_api.unavailable`.
    """
    line = AgentLine(line_fd)
    try:
        folder = private_folder.make(folder)
        leader_server.check_lengths(folder)
    except AgentError as problem:
        line.report("warn", f"this agent runs without the Agent API: {problem}", "agent_api.unavailable")
        return 1
    election = Election(folder, LeaderService(folder, line.report), line.report)
    threading.Thread(target=_end_with_agent, args=(line, election), name="agent-line", daemon=True).start()
    try:
        election.run()
    except OSError as problem:
        line.report("warn", f"Agent API: this agent cannot take part: {problem}", "agent_api.failed")
        return 1
    return 0


def _end_with_agent(line: AgentLine, election: Election) -> None:
    line.wait()
    election.stop(_STOP_LIMIT_S)
    os._exit(0)  # the main thread may sleep in the lock
