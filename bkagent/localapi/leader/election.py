"""Who leads the agents of a machine that share a folder of sockets.

Among processes of ours a kernel lock decides: those that do not hold it sleep in it, without any polling, and the
kernel gives it to the next when its holder dies. The holder looks at the link `agent-leader`, by which agents of the
reference take part: they ask the leader that it names every 100 ms, and put themselves in its place if it does not
answer within 100 ms. The holder does the same, and follows for as long as such an agent leads.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Optional, Protocol

from bkagent.localapi import socket_files
from bkagent.localapi.leader import leader_ping
from bkagent.localapi.leader.leader_link import LeaderLink
from bkagent.system import file_lock, local_socket
from bkagent.wire.lock_protocol import LEADER_LINK, LEADER_LOCK, SERVING

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport

LOOK_EVERY_S = 0.1
# What the reference's agents lose with their leader, this one does not take from them for a single late answer.
_LATE_COUNT = 2
_PATH_LIMIT_BYTES = 4096
_SUCCESSION_S = 0.05  # in which one that sleeps in the lock has it, once it is given back


class Contender(Protocol):
    """What serves when it is elected."""

    def open(self) -> str:
        """Begin to serve, not as the leader yet; return the socket's path. Raises OSError."""
        ...

    def lead(self) -> None:
        """Serve as the leader from now on."""
        ...

    def follow(self) -> None:
        """Another program leads, or has led."""
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
        self._former = ""  # the socket of the holder before this one
        self._late_count = 0
        self._path = ""  # of the socket of the term that has ended
        self._problem = ""  # the last one that was reported

    def run(self) -> None:
        """Stand until stopped. Raises OSError where the contender cannot serve."""
        while not self._stopping.is_set():
            fd = self._win()
            with self._term:
                try:
                    if not self._stopping.is_set():
                        self._serve(fd)
                finally:
                    os.close(fd)
                if self._stopping.is_set() and self._path:
                    self._remove_link_if_last()

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
        """Serve one term: while the lock, the socket and the folder they are in stay in place."""
        path = ""
        try:
            self._former = _read(fd)
            self._remove_socket_of_former()
            path = self._contender.open()
            _write(fd, path)
            self._leading = None
            self._look(path)
            self._report("debug", SERVING + path, "agent_api.ready")
            while not self._stopping.wait(LOOK_EVERY_S):
                if not (self._is_in_place(fd) and local_socket.exists(path)):
                    self._report("warn", f"Agent API: {path} was removed; it is made anew", "agent_api.socket_removed")
                    return
                self._look(path)
        finally:
            self._withdraw(path)

    def _look(self, path: str) -> None:
        """Lead or follow, as the link says; take it where no living leader has it."""
        target = self._link.target()
        if target == path and self._leading:
            self._late_count = 0
        elif target in ("", path) or self._is_dead(target):
            self._take(path, target)
        elif not self._late_count:
            self._follow(target)

    def _is_dead(self, target: str) -> bool:
        """Return whether the leader at the link is to be replaced; `_late_count` says how often it was late."""
        try:
            leader_ping.ping(self._link.path)
        except leader_ping.NoLeader:
            return True
        except leader_ping.LateLeader as problem:
            self._late_count += 1
            if self._late_count < _LATE_COUNT:
                return False
            text = f"Agent API: this agent takes over from {target}, as {problem}"
            self._report("warn", text, "agent_api.leader_replaced")
            return True
        self._late_count = 0
        return False

    def _take(self, path: str, target: str) -> None:
        """Make the link, which leads to `target`, lead here. The contender leads before anybody can ask it."""
        self._late_count = 0
        if not self._leading:
            if self._leading is None and target not in ("", path, self._former):
                self._contender.follow()  # another program has led since a process of ours did
            self._contender.lead()
        try:
            self._link.set(path)
        except OSError as problem:
            text = f"Agent API: this agent cannot become leader: {self._link.path}: {problem.strerror or problem}"
            if text != self._problem:
                self._report("warn", text, "agent_api.not_leading")
            self._problem = text
            return
        self._problem = ""
        if not self._leading:
            self._leading = True
            self._report("info", "Agent API: This agent became leader", "agent_api.leading")

    def _follow(self, target: str) -> None:
        if self._leading is not False:
            self._contender.follow()
            self._leading = False
            self._report("info", f"Agent API: the leader is {target}, of another agent", "agent_api.following")

    def _withdraw(self, path: str) -> None:
        """End the term. The link stays for the next leader to replace: a client that finds none expects no leader."""
        self._contender.close()
        self._path = path

    def _remove_link_if_last(self) -> None:
        """Remove the link that this process has left, unless another one has the lock a moment later."""
        time.sleep(_SUCCESSION_S)
        try:
            fd = file_lock.open_lock(self._lock_path)
            try:
                if file_lock.try_lock(fd):
                    self._link.remove(self._path)
            finally:
                os.close(fd)
        except OSError:
            pass  # the folder is gone, or a client takes the link for that of a leader that was killed

    def _is_in_place(self, fd: int) -> bool:
        """Return whether the locked file is still the one that others lock; somebody may have removed the folder."""
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self._lock_path))
        except OSError:
            return False

    def _remove_socket_of_former(self) -> None:
        """Remove the socket of the holder before this one, if that was killed."""
        if self._former and os.path.dirname(self._former) == os.path.dirname(self._lock_path):
            socket_files.remove_dead(self._former)


def _read(fd: int) -> str:
    """Return the path of a socket that the holder before this one has written into the lock's file."""
    os.lseek(fd, 0, os.SEEK_SET)
    return os.fsdecode(os.read(fd, _PATH_LIMIT_BYTES))


def _write(fd: int, path: str) -> None:
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, os.fsencode(path))
