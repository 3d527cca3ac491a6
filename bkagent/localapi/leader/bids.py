"""What a client asks a key for: to hold it as a mutex, or to do what is to be done once. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from bkagent.localapi.leader.key_state import Holder, KeyState
from bkagent.wire.lock_protocol import DOING, DONE

GRANTED = "granted"
FINISHED = "finished"  # it was done already
INVALID = "invalid"  # the key is used for the other purpose
WAITING = "waiting"
MOVED = "moved"  # this agent leads no longer
FULL = "full"  # no room for another key
BUSY = "busy"  # too many clients wait
ENDED = "ended"  # the client's job, or its connection


@dataclass(frozen=True)
class MutexBid:
    """The wish to be one of the holders of a mutex."""

    holder: Holder
    ttl_ns: int = 0

    def verdict_on(self, state: KeyState) -> str:
        """Return GRANTED, INVALID or WAITING."""
        if state.text in (DOING, DONE):
            return INVALID
        if state.is_free or (state.is_mutex and len(state.holders) < min(state.slots, self.holder.slots)):
            return GRANTED
        return WAITING

    def is_met_by(self, state: KeyState) -> bool:
        """Return whether it was granted before: the client asks again, since its leader ended before the answer."""
        return state.is_mutex and state.holder_of(self.holder.token) is not None

    def grant_to(self, holder: Holder, state: KeyState) -> KeyState:
        """Return the state after the grant to `holder`, which is the bid's own with the times of the grant."""
        return state.with_holder(holder)


@dataclass(frozen=True)
class OnceBid:
    """The wish to do what is to be done once, or to know that it is done."""

    holder: Holder
    ttl_ns: int = 0

    def verdict_on(self, state: KeyState) -> str:
        """Return GRANTED, FINISHED, INVALID or WAITING."""
        if state.is_free:
            return GRANTED
        if state.text == DOING:
            return WAITING
        return FINISHED if state.text == DONE else INVALID

    def is_met_by(self, state: KeyState) -> bool:
        """Return whether this very try was granted before. A client that says nothing of itself is never the same."""
        if state.text != DOING or not (self.holder.token or self.holder.since_ns):
            return False
        return any(_is_same_try(holder, self.holder) for holder in state.holders)

    def grant_to(self, holder: Holder, _state: KeyState) -> KeyState:
        """Return the state after the grant to `holder`, which is the bid's own with the times of the grant."""
        return KeyState(DOING, (holder,))


def _is_same_try(holder: Holder, asker: Holder) -> bool:
    tries = {(client.token, client.pid, client.job, client.since_ns) for client in (holder, asker)}
    return len(tries) == 1


Bid = Union[MutexBid, OnceBid]
