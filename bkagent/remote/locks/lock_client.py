"""The client of the locks that the jobs of one machine share. On the short path.

While an agent of ours leads, it holds the request of a command that waits, and serves the first to come first. While
one of the reference leads, the reference's protocol is spoken: compare and swap, ten times a second.
"""

from bkagent.errors import AgentError
from bkagent.remote import escaping
from bkagent.remote.locks.leader import Leader, LeaderChanged, Wait, quoted_state
from bkagent.wire import lock_protocol
from bkagent.wire.lock_protocol import DOING, DONE, FREE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from bkagent.remote.locks.leader import LeaderAnswer

_POLL_S = 0.1  # the reference's
_PATIENCE_S = 0.5  # of a command that is about to end, for another leader
_LAST_ANSWER_S = 5.0  # and for the answer of one


class HolderDetails:
    """Who takes a lock. `alive` is the kernel lock that its job's process holds until the job ends, "" outside jobs."""

    __slots__ = ("pid", "job", "agent", "alive")

    def __init__(self, pid: int, job: str = "", agent: str = "", alive: str = "") -> None:
        self.pid, self.job, self.agent, self.alive = pid, job, agent, alive

    def document(self) -> "Dict[str, object]":
        """Return it as it is sent."""
        return {"pid": self.pid, "job": self.job, "agent": self.agent, "alive": self.alive}


class Terms:
    """On which terms a mutex is acquired: for how long (0: until released), beside how many others, beyond the job?"""

    __slots__ = ("ttl_ms", "slots", "keep")

    def __init__(self, ttl_ms: int = 0, slots: int = 1, keep: bool = False) -> None:
        self.ttl_ms, self.slots, self.keep = ttl_ms, slots, keep


class LockClient:
    """The locks of the agents that meet in a folder of sockets. Every call raises as `Leader.ask`."""

    __slots__ = ("_leader", "_holder")

    def __init__(self, sockets_path: str, holder: HolderDetails) -> None:
        self._leader = Leader(sockets_path)
        self._holder = holder

    def state(self, key: str) -> str:
        """Return the state of a key; "" for one that is free."""
        return _text(self._leader.ask("GET", _target(key)).check(), "value")

    def locks(self) -> "List[Dict[str, Any]]":
        """Return every key in use, as `wire.lock_protocol` describes them."""
        answer = self._leader.ask("GET", lock_protocol.LOCKS)
        if _is_unknown(answer):
            raise AgentError("the agent that leads is not bkagent, and cannot list its locks")
        rows = answer.check().get("locks")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise AgentError("the agent that leads answered without a list of locks")
        return rows

    def acquire(self, key: str, token: str, terms: Terms, wait: Wait) -> None:
        """Wait until the mutex is free and take it. Raises AgentError for a key that is no mutex."""
        request = {
            "key": key, "token": token, "slots": terms.slots, "ttl_ms": terms.ttl_ms, "keep": terms.keep,
            "holder": self._holder.document(),
        }  # fmt: skip
        while True:
            answer = self._leader.ask("POST", lock_protocol.ACQUIRE, request, wait)
            if _is_unknown(answer):
                if terms.slots != 1 or terms.ttl_ms:
                    option = "--slots" if terms.slots != 1 else "--ttl"
                    raise AgentError(f"the agent that leads is not bkagent, and does not know {option}")
                if self._acquire_by_swaps(key, token, wait):
                    return
            elif answer.check().get("acquired"):
                return
            wait.left_ms()

    def release(self, key: str, token: str) -> None:
        """Give a mutex back. Raises AgentError where this token does not hold it."""
        answer = self._leader.ask("POST", lock_protocol.RELEASE, {"key": key, "token": token})
        if _is_unknown(answer):
            answer = self._swap(key, token, FREE)
        fields = answer.check()
        value = _text(fields, "value")
        if fields.get("released") or fields.get("swapped") or (answer.repeated and value != token):
            return
        raise AgentError("already unlocked" if value == FREE else quoted_state(value))

    def begin(self, key: str, token: str, keep: bool, wait: Wait) -> bool:
        """Begin work that is done once, or wait until it is done; return whether the caller must do it.

        `token` is what `abandon` gives it back by. Raises AgentError for a key of another kind.
        """
        request = {"key": key, "token": token, "keep": keep, "holder": self._holder.document()}
        while True:
            answer = self._leader.ask("POST", lock_protocol.BEGIN, request, wait)
            state = self._begin_by_swaps(key, wait) if _is_unknown(answer) else answer.check().get("state")
            if state == lock_protocol.STATE_DO:
                return True
            if state == lock_protocol.STATE_DONE:
                return False
            wait.left_ms()

    def finish(self, key: str) -> None:
        """Mark work that was begun as done. Raises AgentError where it was not begun."""
        answer = self._swap(key, DOING, DONE)
        value = _text(answer.check(), "value")
        if not answer.fields.get("swapped") and not (answer.repeated and value == DONE):
            raise AgentError(quoted_state(value))

    def abandon(self, key: str, token: str) -> None:
        """Give back what the caller could not be told of, as far as that goes."""
        try:
            answer = self._ask_at_last("POST", lock_protocol.RELEASE, {"key": key, "token": token})
            if _is_unknown(answer):
                self._ask_at_last("PATCH", _target(key), {"old": token, "new": FREE})
        except AgentError:
            pass  # it was not granted, or the leader is gone

    def _ask_at_last(self, method: str, target: str, document: "Dict[str, Any]") -> "LeaderAnswer":
        return self._leader.ask(method, target, document, patience_s=_PATIENCE_S, answers_within_s=_LAST_ANSWER_S)

    def _swap(self, key: str, old: str, new: str, only_of: "Optional[str]" = None) -> "LeaderAnswer":
        return self._leader.ask("PATCH", _target(key), {"old": old, "new": new}, only_of=only_of)

    def _acquire_by_swaps(self, key: str, token: str, wait: Wait) -> bool:
        """Acquire it from a leader of the reference; return False when another one leads.

        That one is asked anew: one of ours would not know whose lock it is, and keep it beyond the end of the job.
        """
        leader = self._leader.name()
        while True:
            try:
                answer = self._swap(key, FREE, token, leader)
            except LeaderChanged:
                return False
            value = _text(answer.check(), "value")
            if answer.fields.get("swapped") or value == token:
                return True
            if value in (DOING, DONE):
                raise AgentError(quoted_state(value))
            wait.pause(_POLL_S)

    def _begin_by_swaps(self, key: str, wait: Wait) -> str:
        """Return what a leader of the reference lets the caller do, STATE_WAITING when another one leads."""
        leader = self._leader.name()
        while True:
            try:
                answer = self._swap(key, FREE, DOING, leader)
            except LeaderChanged:
                return lock_protocol.STATE_WAITING
            value = _text(answer.check(), "value")
            if answer.fields.get("swapped"):
                return lock_protocol.STATE_DO
            if value == DONE:
                return lock_protocol.STATE_DONE
            if value != DOING:
                raise AgentError(quoted_state(value))
            wait.pause(_POLL_S)


def _target(key: str) -> str:
    return lock_protocol.LOCK + "?" + escaping.query({"key": key})


def _is_unknown(answer: "LeaderAnswer") -> bool:
    """Return whether the leader does not know our protocol, as one of the reference does not."""
    return answer.status in (404, 405)


def _text(fields: "Dict[str, Any]", name: str) -> str:
    text = fields.get(name)
    if not isinstance(text, str):
        raise AgentError(f"the agent that leads answered without the {name} of the lock")
    return text
