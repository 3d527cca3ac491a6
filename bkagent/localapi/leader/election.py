"""Who leads the agents of a machine that share a folder of sockets.

Among processes of ours a kernel lock decides: those that do not hold it sleep in it, without any polling, and the
kernel gives it to the next when its holder dies. The holder looks at the link `agent-leader`, by which agents of the
reference take part: they ask the leader that it names every 100 ms, and put themselves in its place if it does not
answer within 100 ms. The holder does the same, and follows for as long as such an agent leads.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Optional, Protocol

from bkagent.localapi.leader import leader_ping, leader_server
from bkagent.localapi.leader.leader_link import LeaderLink
from bkagent.system import file_lock
from bkagent.wire.lock_protocol import LEADER_LINK, LEADER_LOCK

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport

LOOK_EVERY_S = 0.1
# What the reference's agents lose with their leader, this one does not take from them for a single late answer.
_LATE_COUNT = 2
_PATH_LIMIT_BYTES = 4096


class Contender(Protocol):
    """What serves when it is elected."""

    def open(self) -> str:
        """Begin to serve, as a follower; return the socket's path. Raises OSError."""
        ...

    def lead(self) -> None:
        """Serve as the leader from now on."""
        ...

    def follow(self) -> None:
        """Another process leads from now on."""
        ...

    def close(self) -> None:
        """Serve no longer."""
        ...


class Election:
    """Has a contender lead whenever it may, from `run` until `stop`."""

    def __init__(self, folder: str, contender: Contender, report: EventReport) -> None:
        self._contender, self._report = contender, report
        self._lock_path = os.path.join(folder, LEADER_LOCK)
        self._link = LeaderLink(os.path.join(folder, LEADER_LINK))
        self._stopping = threading.Event()
        self._term = threading.Lock()  # held while the contender serves or is about to
        self._leading: Optional[bool] = None  # None before it is known
        self._late_count = 0
        self._problem = ""  # the last one that was reported

    def run(self) -> None:
        """Stand until stopped. Raises OSError where the contender cannot serve."""
        while not self._stopping.is_set():
            fd = self._win()
            try:
                with self._term:
                    if not self._stopping.is_set():
                        self._serve(fd)
            finally:
                os.close(fd)

    def stop(self, limit_s: float) -> None:
        """End the term of a contender that serves; one that only waits for the lock has nothing to end."""
        self._stopping.set()
        if self._term.acquire(timeout=limit_s):
            self._term.release()

    def _win(self) -> int:
        """Return the descriptor of the lock once this process holds it. Raises OSError."""
        while True:
            fd = file_lock.open_lock(self._lock_path)
            try:
                if not file_lock.try_lock(fd):
                    self._report("debug", "Agent API: waiting to become leader", "agent_api.ready")
                    file_lock.lock(fd)
                if self._is_in_place(fd):
                    return fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)

    def _serve(self, fd: int) -> None:
        path = ""
        try:
            self._sweep(fd)
            path = self._contender.open()
            self._note(fd, path)
            self._report("debug", f"Agent API: ready to lead at {path}", "agent_api.ready")
            self._leading = None
            while True:
                self._look(path)
                if self._stopping.wait(LOOK_EVERY_S):
                    return
                if not (self._is_in_place(fd) and os.path.exists(path)):
                    self._report("warn", f"Agent API: {path} was removed; it is made anew", "agent_api.socket_removed")
                    return
        finally:
            self._withdraw(path)

    def _look(self, path: str) -> None:
        """Lead or follow, as the link says; take it where no living leader has it."""
        target = self._link.target()
        if target == path:
            self._late_count = 0
            return self._lead()
        if target:
            try:
                leader_ping.ping(self._link.path)
                self._late_count = 0
                return self._follow(target)
            except leader_ping.NoLeader:
                pass
            except leader_ping.LateLeader as problem:
                self._late_count += 1
                if self._late_count < _LATE_COUNT:
                    return None
                text = f"Agent API: this agent takes over from {target}, as {problem}"
                self._report("warn", text, "agent_api.leader_replaced")
        self._take(path)
        return None

    def _take(self, path: str) -> None:
        self._late_count = 0
        try:
            self._link.set(path)
        except OSError as problem:
            return self._report_once(f"Agent API: this agent cannot become leader: {problem}")
        self._problem = ""
        self._lead()
        return None

    def _lead(self) -> None:
        if not self._leading:
            self._contender.lead()
            self._leading = True
            self._report("info", "Agent API: This agent became leader", "agent_api.leading")

    def _follow(self, target: str) -> None:
        if self._leading is not False:
            self._contender.follow()
            self._leading = False
            self._report("info", f"Agent API: the leader is {target}, of another agent", "agent_api.following")

    def _report_once(self, text: str) -> None:
        if text != self._problem:
            self._problem = text
            self._report("warn", text, "agent_api.not_leading")

    def _withdraw(self, path: str) -> None:
        try:
            if path:
                self._link.remove(path)
        except OSError:
            pass  # the next leader replaces it
        self._contender.close()

    def _is_in_place(self, fd: int) -> bool:
        """Return whether the locked file is still the one that others lock; somebody may have removed the folder."""
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self._lock_path))
        except OSError:
            return False

    def _sweep(self, fd: int) -> None:
        """Remove the socket of the holder before this one, if that was killed."""
        os.lseek(fd, 0, os.SEEK_SET)
        path = os.fsdecode(os.read(fd, _PATH_LIMIT_BYTES))
        if path and os.path.dirname(path) == os.path.dirname(self._lock_path):
            leader_server.remove_dead(path)

    def _note(self, fd: int, path: str) -> None:
        """Write into the lock file which socket is this holder's."""
        os.ftruncate(fd, 0)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, os.fsencode(path))
