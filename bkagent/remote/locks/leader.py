"""Requests to the agent that leads those of this machine, through the link among their sockets. On the short path.

An agent that leads may die at any moment, and another one takes its place within a tenth of a second. A request that
met no leader, or lost it, is sent again for as long as another one may be expected.
"""

import os
import time

from bkagent.errors import AgentError, Unreachable
from bkagent.remote import local_http
from bkagent.system import file_lock, local_socket
from bkagent.wire import go_quoted, json_text, lock_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

_SHORTEST_SILENCE_S = 5.0  # a busy machine must not look like a leader that hangs
_ANSWERS_WITHIN_S = 30.0  # a leader that runs does so within milliseconds; the agent of one that hangs ends it sooner
_SERVICE = "the socket of the agent that leads"
_PAUSE_S = 0.005
_SUCCESSOR_S = 10.0  # for another leader, where there was one
_REFERENCE_SUCCESSOR_S = 0.5  # the same where only agents of the reference can become one: they look ten times a second
_TERM_S = 0.05  # a request that was held for longer was held by a leader that worked
_LONGEST_HOLD_MS = 3_600_000  # a request that waits is sent anew after that, which costs it no place in the queue


class LeaderMissing(AgentError):
    """No agent leads, and none has done so since the first request."""


class LeaderChanged(AgentError):
    """A request that was meant for one leader alone has not reached it, and another one leads, or none."""


class WaitOver(AgentError):
    """The time limit of a wait has passed."""


class Wait:
    """How long a command may wait: `limit_s` from now on, 0 for ever. Its beginning is its place in the queue.

    `unmet` says what has not come about when that time is over.
    """

    __slots__ = ("since_ns", "_limit_s", "_unmet", "_deadline")

    def __init__(self, limit_s: float, unmet: str = "it was not free") -> None:
        self.since_ns = time.monotonic_ns()
        self._limit_s, self._unmet = limit_s, unmet
        self._deadline: "Optional[float]" = time.monotonic() + limit_s if limit_s else None

    def left_ms(self) -> int:
        """Return how long the next request may be held, in milliseconds. Raises WaitOver when it is over."""
        if self._deadline is None:
            return _LONGEST_HOLD_MS
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise WaitOver(f"{self._unmet} within {self._limit_s:g}s")
        return min(int(left_s * 1000) + 1, _LONGEST_HOLD_MS)

    def patience_s(self, most_s: float) -> float:
        """Return how long a leader may be silent: at most so long, and less for who does not want to wait longer."""
        if self._deadline is None:
            return most_s
        return min(most_s, max(_SHORTEST_SILENCE_S, self._deadline - time.monotonic()))

    def pause(self, pause_s: float) -> None:
        """Sleep, not beyond the end of the wait. Raises WaitOver when that has come."""
        time.sleep(min(pause_s, self.left_ms() / 1000))
        self.left_ms()


class LeaderAnswer:
    """What a leader answered. `repeated`: the request may have been carried out before, by a leader that then died."""

    __slots__ = ("status", "fields", "repeated")

    def __init__(self, status: int, fields: "Dict[str, Any]", repeated: bool) -> None:
        self.status, self.fields, self.repeated = status, fields, repeated

    def check(self) -> "Dict[str, Any]":
        """Return the fields. Raises AgentError with the leader's reason if it refused."""
        if self.status == 200:
            return self.fields
        reason = self.fields.get("error")
        if self.status == 409 and isinstance(reason, str):
            raise AgentError(reason)
        raise AgentError(f"the agent that leads answered {self.status}" + (f": {reason}" if reason else ""))


class Leader:
    """The agent that leads, whichever that is at the moment."""

    __slots__ = ("_folder", "_path", "_was_reached")

    def __init__(self, sockets_path: str) -> None:
        self._folder = sockets_path
        self._path = os.path.join(sockets_path, lock_protocol.LEADER_LINK)
        self._was_reached = False

    def name(self) -> str:
        """Return what tells one leader from the next; "" where there is none."""
        return local_socket.link_target(self._path)

    def ask(
        self,
        method: str,
        target: str,
        document: "Optional[Dict[str, Any]]" = None,
        wait: "Optional[Wait]" = None,
        patience_s: float = _SUCCESSOR_S,
        answers_within_s: float = _ANSWERS_WITHIN_S,
        only_of: "Optional[str]" = None,
    ) -> LeaderAnswer:
        """Send a request until a leader answers; with `wait` it is one that the leader holds until then.

        `patience_s` is the longest time that it waits for another leader, `answers_within_s` for one that is silent.
        `only_of` is the name of the one leader that it may be sent to.

        Raises LeaderMissing, AgentError if the leader was lost and none came in its place, or if it does not answer,
        LeaderChanged, WaitOver.
        """
        repeated = False
        lost_at, looks_until = 0.0, 0.0
        while True:
            asked_at, leader = time.monotonic(), self.name()
            silence_s = answers_within_s if wait is None else wait.patience_s(answers_within_s)
            if only_of not in (None, leader):
                raise LeaderChanged("another agent leads by now")
            try:
                status, fields = self._exchange(leader, method, target, document, wait, silence_s)
                if not (status == 503 and fields.get("moved")):
                    self._was_reached = True
                    return LeaderAnswer(status, fields, repeated)
                problem, was_there = "it leads no longer", True
            except local_http.NoSocket as error:
                cause = error.__cause__ or error
                problem, was_there = getattr(cause, "strerror", None) or str(cause), False
            except local_http.Stalled as error:
                if self.name() == leader:
                    raise AgentError(_silence(leader, silence_s)) from error
                problem, was_there, repeated = str(error), True, True
            except Unreachable as error:
                problem, was_there, repeated = str(error), True, True
            now = time.monotonic()
            self._was_reached |= was_there
            if not lost_at or (was_there and now - asked_at > _TERM_S):
                lost_at = looks_until = now
            if now >= looks_until:
                # Looked at anew: a first leader may have come and gone meanwhile.
                looks_until = lost_at + min(patience_s, self._patience_s())
                if now >= looks_until:
                    raise self._absence(problem)
            time.sleep(_PAUSE_S)

    def _exchange(
        self,
        leader: str,
        method: str,
        target: str,
        document: "Optional[Dict[str, Any]]",
        wait: "Optional[Wait]",
        answers_within_s: float,
    ) -> "tuple[int, Dict[str, Any]]":
        timeout_s, is_held = answers_within_s, wait is not None
        if wait is not None and document is not None:
            wait_ms = wait.left_ms()
            document = {**document, "since_ns": wait.since_ns, "wait_ms": wait_ms}
            timeout_s += wait_ms / 1000
        body, headers = b"", {}
        if document is not None:
            body = json_text.dumps(document).encode("ascii") + b"\n"
            headers["Content-Type"] = "application/json"
        status, _, data = local_http.exchange(
            self._path, method, target, headers, body, timeout_s, _SERVICE,
            lambda: self._check_life(leader, is_held, answers_within_s),
        )  # fmt: skip
        try:
            fields = json_text.loads(data)
        except ValueError:
            fields = None
        return status, fields if isinstance(fields, dict) else {}

    def _check_life(self, leader: str, is_held: bool, answers_within_s: float) -> None:
        """Raise Unreachable if another agent leads by now, Stalled if a leader that holds a request hangs."""
        if is_held:
            try:
                local_http.exchange(self._path, "GET", lock_protocol.PING, {}, b"", answers_within_s, _SERVICE)
            except local_http.NoSocket:
                pass  # its end ends the held request as well
        if self.name() != leader:
            raise Unreachable("another agent leads by now")

    def _patience_s(self) -> float:
        """Return how long after a failed request a leader may still come."""
        lock_path = os.path.join(self._folder, lock_protocol.LEADER_LOCK)
        try:
            # An agent that is stopped removes the link. One whose process was killed has left it, and starts another.
            was_killed = os.path.lexists(self._path) and os.path.exists(lock_path)
            if self._was_reached or was_killed or file_lock.is_held(lock_path):
                return _SUCCESSOR_S
            names = os.listdir(self._folder)
        except OSError:
            return 0.0
        return _REFERENCE_SUCCESSOR_S if any(map(_is_of_an_agent, names)) else 0.0

    def _absence(self, problem: str) -> AgentError:
        if self._was_reached:
            return AgentError(f"the agent that led is gone, and no other has taken its place: {problem}")
        path_bytes, most_bytes = len(os.fsencode(self._path)), local_socket.longest_path_bytes()
        if path_bytes > most_bytes:
            return AgentError(f"the path {self._path} is {path_bytes} bytes long, and a socket's may have {most_bytes}")
        return LeaderMissing(f"{self._path}: {problem}")


def _silence(leader: str, answers_within_s: float) -> str:
    """Return what is wrong with a leader, whose address is `leader`, that does not answer."""
    process = lock_protocol.process_at(leader)
    return (
        f"the agent that leads did not answer within {answers_within_s:g}s: {process} is stopped, or hangs; "
        "when it goes on, or is killed, the locks are served again"
    )


def _is_of_an_agent(name: str) -> bool:
    """Return whether a name in the folder is that of the link, or of the socket of an agent, alive or not."""
    rest = name[len(lock_protocol.SOCKET_PREFIX) :]
    return name == lock_protocol.LEADER_LINK or (name.startswith(lock_protocol.SOCKET_PREFIX) and rest[:1].isdigit())


def quoted_state(state: str) -> str:
    """Return the words for a lock that is in a state in which it cannot be."""
    return f"invalid lock state {go_quoted.go_quote(state)}"
