"""The state of one key: a text, or those who hold it as a mutex. Values only; each change makes a new state."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Callable, Dict, Optional, Tuple

from bkagent.wire import lock_protocol
from bkagent.wire.lock_protocol import DOING, DONE, FREE
from bkagent.wire.reader import Reader


@dataclass(frozen=True)
class Holder:
    """A client that holds a mutex, or that has begun what is to be done once.

    token       that the client made up and frees the key by; "" for a `doing` that is freed by its value alone
    slots       how many holders the key may have with this one
    alive       path of the kernel lock that the client's job holds until it ends, "" outside jobs
    keep        whether the lock outlives that job
    since_ns    `time.monotonic_ns()` of the client's first try
    granted_ns  `time.time_ns()` when it got the lock
    expires_ns  `time.monotonic_ns()` when the lock is taken from it, 0 for never
    """

    token: str = ""
    slots: int = 1
    pid: int = 0
    job: str = ""
    agent: str = ""
    alive: str = ""
    keep: bool = False
    since_ns: int = 0
    granted_ns: int = 0
    expires_ns: int = 0

    @property
    def bound_to(self) -> str:
        """The path of the kernel lock that this lock ends with, "" for none."""
        return "" if self.keep else self.alive


@dataclass(frozen=True)
class KeyState:
    """What a key holds.

    text     the value, where it is no mutex of ours: "", "doing", "done", or what a plain PATCH has set
    holders  of the mutex, the first to get it first; or who has begun, if that is known
    """

    text: str = FREE
    holders: Tuple[Holder, ...] = ()

    @property
    def is_free(self) -> bool:
        """Whether nothing holds the key."""
        return not self.text and not self.holders

    @property
    def slots(self) -> int:
        """How many holders there may be: as many as the one with the fewest accepts; 0 where there is none."""
        return min((holder.slots for holder in self.holders), default=0)

    @property
    def value(self) -> str:
        """The value as every client is shown it."""
        if self.text or not self.holders:
            return self.text
        if self.slots == 1:
            return self.holders[0].token
        return lock_protocol.counted_value(len(self.holders), self.slots)

    @property
    def is_mutex(self) -> bool:
        """Whether clients hold it by tokens."""
        return bool(self.holders) and not self.text

    def holder_of(self, token: str) -> Optional[Holder]:
        """Return who has the key by this token, or None."""
        return next((holder for holder in self.holders if token and holder.token == token), None)

    def with_holder(self, holder: Holder) -> KeyState:
        """Return the state after another has got the mutex."""
        return KeyState(FREE, (*self.holders, holder))

    def without(self, goes: Callable[[Holder], bool]) -> KeyState:
        """Return the state without the holders that `goes` is true for. A `doing` without its holder is free."""
        holders = tuple(holder for holder in self.holders if not goes(holder))
        if len(holders) == len(self.holders):
            return self
        return KeyState(FREE if self.text == DOING and not holders else self.text, holders)

    def survivor(self) -> KeyState:
        """Return what is left after another program has led: what is done, and what ends with a job."""
        if self.text == DONE:
            return self
        return self.without(lambda holder: not holder.bound_to) if self.holders else KeyState()


def to_document(state: KeyState) -> Dict[str, object]:
    """Return a state as JSON that `from_document` reads."""
    document: Dict[str, object] = {"text": state.text} if state.text else {}
    if state.holders:
        document["holders"] = [_holder_document(holder) for holder in state.holders]
    return document


def from_document(document: object) -> KeyState:
    """Return the state that a journal has. Raises WireError."""
    read = Reader(document, "state of a key")
    holders = tuple(_read_holder(entry) for entry in read.array("holders"))
    return KeyState(read.text("text", FREE), holders)


def _holder_document(holder: Holder) -> Dict[str, object]:
    default = Holder()
    names = (field.name for field in fields(Holder))
    # What has its usual value is left out: most lines are short.
    return {name: getattr(holder, name) for name in names if getattr(holder, name) != getattr(default, name)}


def _read_holder(document: object) -> Holder:
    read = Reader(document, "holder of a lock")
    return Holder(
        token=read.text("token", ""),
        slots=read.whole("slots", 1, low=1),
        pid=read.whole("pid", 0, low=0),
        job=read.text("job", ""),
        agent=read.text("agent", ""),
        alive=read.text("alive", ""),
        keep=read.flag("keep"),
        since_ns=read.whole("since_ns", 0, low=0),
        granted_ns=read.whole("granted_ns", 0, low=0),
        expires_ns=read.whole("expires_ns", 0, low=0),
    )
