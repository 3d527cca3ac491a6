"""The server of an agent that may lead: a local socket, by the folder that agents and jobs of one user share."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable, Optional, Union

from bkagent.errors import AgentError
from bkagent.localapi.answers import apology
from bkagent.localapi.socket_files import remove_dead
from bkagent.localapi.socket_listener import SocketListener
from bkagent.system import local_socket, unguessable
from bkagent.transport.event_server.event_server import EventServer
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.connection_table import CONNECTIONS_COUNT, THREADS_COUNT, ConnectionTable
from bkagent.transport.server.http_server import HttpServer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import RequestHead
from bkagent.wire.lock_protocol import LEADER_LINK, LOCKS, SOCKET_PREFIX

if TYPE_CHECKING:
    from bkagent.report import Report

_BACKLOG_COUNT = 1024  # a Go program takes a full queue for a dead leader
_STOP_LIMIT_S = 0.5
_RANDOM_NAMES_COUNT = 100_000
_NAME = "the Agent API"


class LeaderServer:
    """Serves at `<folder>/agent-<process id>` between `open` and `close`; `answer` is called on many threads."""

    def __init__(self, folder: str, answer: Callable[[Request], Union[Answer, Later]], report: Report) -> None:
        self._folder, self._answer, self._report = folder, answer, report
        self._path = ""
        self._server: Union[EventServer, HttpServer, None] = None

    def open(self) -> str:
        """Begin to serve; return the socket's path. Raises OSError."""
        self._path, listening = _listen_in(self._folder)
        self._server = self._new_server(listening)
        self._server.start()
        return self._path

    def close(self) -> None:
        """Serve no longer, and remove the socket; requests under way get half a second."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.stop()
        try:
            local_socket.remove(self._path)
        except OSError:
            pass

    def _new_server(self, listening: local_socket.Listener) -> Union[EventServer, HttpServer]:
        listener = SocketListener(self._path, listening, _NAME, own_users_only=True)
        if local_socket.IS_SELECTABLE:
            listening.settimeout(0)  # type: ignore[attr-defined,unused-ignore]
            return EventServer(
                listener, self._answer, self._report, apology=apology, stop_limit_s=_STOP_LIMIT_S,
                table=ConnectionTable(strangers_count=CONNECTIONS_COUNT), begin_instant=_begin_instant,
            )  # fmt: skip
        return HttpServer(  # which costs a thread for each connection
            listener, self._answer, self._report, apology=apology, stop_limit_s=_STOP_LIMIT_S,
            table=ConnectionTable(strangers_count=CONNECTIONS_COUNT, most_count=THREADS_COUNT),
        )  # fmt: skip


def _begin_instant(head: RequestHead) -> Optional[Callable[[], None]]:
    """Tell requests without a long answer from others. The answer to one that waits for a lock comes later."""
    return _end_instant if head.target.partition("?")[0] != LOCKS else None


def _end_instant() -> None:
    pass


def check_lengths(folder: str) -> None:
    """Raise AgentError when the system does not take the sockets' paths in `folder`."""
    for name in (f"{SOCKET_PREFIX}{os.getpid()}", LEADER_LINK):
        path = os.path.join(folder, name)
        length, longest = len(os.fsencode(path)), local_socket.longest_path_bytes()
        if length > longest:
            raise AgentError(f"the path {path} is {length} bytes long and a socket's may have {longest}")


def _listen_in(folder: str) -> "tuple[str, local_socket.Listener]":
    path = local_socket.new_address(folder, f"{SOCKET_PREFIX}{os.getpid()}")
    # A container that shares the folder has processes of the same numbers.
    if local_socket.LIES_IN_FOLDER and not remove_dead(path):
        path = f"{path}-{unguessable.below(_RANDOM_NAMES_COUNT)}"
    return path, local_socket.listen(path, _BACKLOG_COUNT)
