"""A process of the Agent API: it stands for election, and serves while it leads. One beside each agent.

It is a process and no thread, so that nothing that the agent does for its jobs delays an answer: an agent of the
reference waits for one for 100 ms.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Callable, Optional, Union

from bkagent.errors import AgentError
from bkagent.localapi.leader import leader_server
from bkagent.localapi.leader.agent_line import AgentLine
from bkagent.localapi.leader.election import Election
from bkagent.localapi.leader.leader_server import LeaderServer
from bkagent.localapi.leader.lock_service import LockService
from bkagent.system import descriptors, file_lock, private_folder
from bkagent.wire.log_events import with_event

if TYPE_CHECKING:
    from bkagent.transport.server.answer import Answer
    from bkagent.transport.server.later import Later
    from bkagent.transport.server.request import Request
    from bkagent.wire.log_events import EventReport

_STOP_LIMIT_S = 2.0
_DESCRIPTORS_COUNT = 10_000


class LeaderService:
    """What is elected: the locks of a machine, and the server that answers about them. One term is open to close."""

    def __init__(self, folder: str, report: EventReport, shows_requests: bool) -> None:
        self._folder, self._report, self._shows_requests = folder, report, shows_requests
        self._locks: Optional[LockService] = None
        self._server: Optional[LeaderServer] = None

    def open(self) -> str:
        """Begin a term with what the journal has; return the socket's path. Raises OSError."""
        self._locks = LockService(self._folder, self._report)
        answer: Callable[[Request], Union[Answer, Later]] = self._locks.answer
        if self._shows_requests:
            from bkagent.localapi.leader import request_lines

            answer = request_lines.reporting(answer, self._report)
        self._server = LeaderServer(self._folder, answer, with_event(self._report, "agent_api.connection_failed"))
        return self._server.open()

    def lead(self) -> None:
        """Serve as the leader."""
        if self._locks is not None:
            self._locks.lead()

    def follow(self) -> None:
        """Serve nobody's locks, which those of another program's leader have replaced."""
        if self._locks is not None:
            self._locks.follow()

    def close(self) -> None:
        """End the term."""
        if self._locks is not None:
            self._locks.close()
        if self._server is not None:
            self._server.close()
        self._locks = self._server = None


def serve(folder: str, shows_requests: bool) -> int:
    """Serve the agent at the other end of the line; return the exit status where it cannot. Else ends the process.

    What keeps this agent from taking part is reported as `agent_api.unavailable`. `shows_requests` has each request
    reported at level debug.
    """
    line = AgentLine()
    try:
        folder = private_folder.make(folder)
        leader_server.check_lengths(folder)
        file_lock.check_folder(folder)
    except (AgentError, OSError) as problem:
        line.report("warn", f"this agent runs without the Agent API: {_reason(problem)}", "agent_api.unavailable")
        return 1
    descriptors.raise_limit(_DESCRIPTORS_COUNT)
    election = Election(folder, LeaderService(folder, line.report, shows_requests), line.report)
    threading.Thread(target=_end_with_agent, args=(line, election), name="agent-line", daemon=True).start()
    try:
        election.run()
    except OSError as problem:
        line.report("warn", f"Agent API: this agent cannot take part: {_reason(problem)}", "agent_api.failed")
        return 1
    return 0


def _reason(problem: Union[AgentError, OSError]) -> str:
    if not isinstance(problem, OSError) or not problem.strerror:
        return str(problem)
    return f"{problem.filename}: {problem.strerror}" if problem.filename else problem.strerror


def _end_with_agent(line: AgentLine, election: Election) -> None:
    line.wait()
    election.stop(_STOP_LIMIT_S)
    os._exit(0)  # the main thread may sleep in the lock
