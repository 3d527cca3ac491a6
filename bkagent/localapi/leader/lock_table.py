"""The keys of a machine, who holds them and who waits for them. In memory; each change goes to the journal first."""

from __future__ import annotations

import bisect
import threading
import time
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Optional, Set, Tuple

from bkagent.errors import AgentError
from bkagent.localapi.leader.bids import ENDED, GRANTED, MOVED, WAITING, Bid
from bkagent.localapi.leader.deadlines import Deadlines
from bkagent.localapi.leader.job_keys import JobKeys
from bkagent.localapi.leader.key_state import KeyState
from bkagent.localapi.leader.lock_journal import LockJournal
from bkagent.localapi.leader.pollers import Pollers
from bkagent.wire.lock_protocol import FREE, KEYS_COUNT

WAITERS_COUNT = 4096  # each has a connection, and each job among them a watch: as many as descriptors are left for
# Clients look for a new leader every 5 ms. For so long it gives no key away that was in use before it: the first of
# those who waited for it may not be back yet.
RETURN_NS = 50_000_000
_FREE_STATE = KeyState()
_NOT_LEADING = "this agent does not lead: another one has the locks"

Watch = Callable[[str, Callable[[str], None]], None]


class NotLeading(AgentError):
    """Another program leads now, and has the locks."""


class NoRoom(AgentError):
    """The table is full. The message says of what."""


@dataclass(frozen=True)
class Outcome:
    """What became of a bid: a verdict of `bids`, and the key's value then."""

    verdict: str
    value: str


@dataclass(frozen=True)
class LockRow:
    """A key as `lock list` shows it."""

    key: str
    state: KeyState
    waiting_count: int


class Waiter:
    """A bid that is not granted yet. `on_verdict()` is called when it gets another `verdict` than WAITING."""

    __slots__ = ("bid", "is_connected", "verdict", "value", "_on_verdict")

    def __init__(self, bid: Bid, is_connected: Callable[[], bool], on_verdict: Callable[[], None]) -> None:
        self.bid, self.is_connected, self._on_verdict = bid, is_connected, on_verdict
        self.verdict, self.value = WAITING, ""

    def answer(self, verdict: str, value: str = "") -> None:
        """Give the verdict."""
        self.verdict, self.value = verdict, value
        self._on_verdict()


_Queue = List[Tuple[int, int, Waiter]]  # the moment of the client's first try, a number that differs, the waiter


class LockTable:
    """Thread-safe. It begins with what the journal has, and does not lead.

    `watch(path, tell)` calls `tell(path)` on another thread when the kernel lock at `path` is free; `on_due()` is
    called when a time is set that `expire` must be called at.

    The waiters of a key are of one kind, since a change of the kind answers them; so those behind the first need not be
    looked at. Only those of a key that is kept back for returning clients may be of both.
    """

    def __init__(
        self,
        journal: Optional[LockJournal],
        watch: Watch,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        now_ns: Callable[[], int] = time.time_ns,
        on_due: Callable[[], None] = lambda: None,
        keys_count: int = KEYS_COUNT,
        waiters_count: int = WAITERS_COUNT,
        return_ns: int = RETURN_NS,
    ) -> None:
        self._return_ns = return_ns
        self._journal, self._watch, self._clock_ns, self._now_ns = journal, watch, clock_ns, now_ns
        self._keys_count, self._waiters_limit = keys_count, waiters_count
        self._lock = threading.Lock()
        self._leads = False
        self._states: Dict[str, KeyState] = {}
        self._queues: Dict[str, _Queue] = {}
        self._waiters_count = self._bids_count = 0
        self._job_keys, self._pollers = JobKeys(), Pollers()
        self._deadlines = Deadlines(on_due)  # with a token: of that holder; without: until the key is kept back
        self._inherited: Set[str] = set()  # keys that were in use when it began to lead, until `_returned_ns`
        self._returned_ns = 0
        self._restore(journal.states if journal is not None else {})

    def lead(self) -> None:
        """Serve clients from now on, those that waited at the leader before in their old order."""
        with self._lock:
            self._leads = True
            self._inherited = set(self._states)
            if self._inherited:
                self._returned_ns = self._clock_ns() + self._return_ns
                self._deadlines.add(self._returned_ns)

    def follow(self) -> None:
        """Serve clients no longer, and tell those who wait, since another program leads.

        It begins without any locks. So what no job's end would free is forgotten, but for what is done.
        """
        with self._lock:
            self._stop_leading()
            for key, state in list(self._states.items()):
                self._put(key, state, state.survivor())

    def close(self) -> None:
        """Serve clients no longer, and tell those who wait. The next leader begins with what the journal has now."""
        with self._lock:
            self._stop_leading()
            if self._journal is not None:
                self._journal.close()

    def load(self, key: str) -> str:
        """Return the value of a key. Raises NotLeading."""
        with self._lock:
            return self._current(key).value

    def compare_and_swap(self, key: str, old: str, new: str) -> Tuple[str, bool]:
        """Set the value of a key where it is `old`; return the value then, and whether it was set.

        Who held the key holds it no longer. Raises NotLeading and NoRoom.
        """
        with self._lock:
            state = self._current(key)
            if state.value != old:
                if old == FREE:
                    self._pollers.note_refused(key, new, self._clock_ns())
                return state.value, False
            if old != new:
                if new:
                    self._check_room(key)
                self._pollers.note_swapped(key, new, has_queue=key in self._queues)
                self._put(key, state, KeyState(new))
                self._settle(key)
            return new, True

    def enter(
        self, key: str, bid: Bid, is_connected: Callable[[], bool], on_verdict: Callable[[], None], may_wait: bool
    ) -> Waiter:
        """Ask for a key, and wait in its queue until there is a verdict, or until `leave`.

        Those who came first are served first, by the moment of their first try; those who are not connected any more
        are not. `on_verdict()` is called on any thread that holds the table, also before this returns. Raises
        NotLeading and NoRoom.
        """
        waiter = Waiter(bid, is_connected, on_verdict)
        with self._lock:
            state = self._current(key)
            verdict = GRANTED if bid.is_met_by(state) else bid.verdict_on(state)
            if bid.is_met_by(state) or verdict not in (GRANTED, WAITING):
                waiter.answer(verdict, state.value)
            else:
                self._check_room(key)
                self._enqueue(key, waiter)
                self._settle(key)
            if waiter.verdict == WAITING and may_wait and self._waiters_count >= self._waiters_limit:
                self._withdraw(key, waiter)
                raise NoRoom(f"{self._waiters_limit} clients wait already, which is the most there may be")
            self._waiters_count += 1
            # Only now: a watch that ends at once must see what it is to end.
            if bid.holder.alive:
                self._watch(bid.holder.alive, self.end_of_holder)
        return waiter

    def leave(self, key: str, waiter: Waiter) -> Outcome:
        """Return what became of a bid, which waits no longer; to be called once. Raises NotLeading."""
        with self._lock:
            self._waiters_count -= 1
            if waiter.verdict == WAITING:
                self._withdraw(key, waiter)
                return Outcome(WAITING, self._states.get(key, _FREE_STATE).value)
        if waiter.verdict == MOVED:
            raise NotLeading(_NOT_LEADING)
        return Outcome(waiter.verdict, waiter.value)

    def release(self, key: str, token: str) -> Tuple[str, bool]:
        """Free a mutex that is held by `token`, or a key whose value that is; return the value, and whether it was so.

        Raises NotLeading.
        """
        with self._lock:
            state = self._current(key)
            if state.holder_of(token) is not None:
                self._put(key, state, state.without(lambda holder: holder.token == token))
            elif not state.is_mutex and state.text == token:
                self._put(key, state, _FREE_STATE)
            else:
                return state.value, False
            self._settle(key)
            return FREE, True

    def end_of_holder(self, alive: str) -> None:
        """Free what a job held whose kernel lock at `alive` is free, but for what is to be kept."""
        with self._lock:
            for queue in self._queues.values():
                for entry in [entry for entry in queue if entry[2].bid.holder.alive == alive]:
                    queue.remove(entry)
                    entry[2].answer(ENDED)
            for key in self._job_keys.pop(alive):
                state = self._states[key]
                self._put(key, state, state.without(lambda holder: holder.bound_to == alive))
            for key in list(self._queues):  # a waiter that has gone may have been the first
                self._settle(key)

    def expire(self) -> Optional[int]:
        """Do what is due; return by `clock_ns` when it must be called again, None for never.

        Mutexes whose time is over are freed, and keys that were kept back for others are given away.
        """
        with self._lock:
            self._expire()
            return self._deadlines.next_ns()

    def rows(self) -> List[LockRow]:
        """Return what is not free, or waited for. Raises NotLeading."""
        with self._lock:
            self._check_leading()
            self._expire()
            keys = [*self._states, *(key for key in self._queues if key not in self._states)]
            return [LockRow(key, self._states.get(key, _FREE_STATE), _count(self._queues.get(key, []))) for key in keys]

    def _restore(self, states: Dict[str, KeyState]) -> None:
        with self._lock:
            self._states.update(states)
            for key, state in states.items():
                self._job_keys.note(key, _FREE_STATE, state)
                for holder in filter(lambda holder: holder.expires_ns, state.holders):
                    self._deadlines.add(holder.expires_ns, key, holder.token)
            for path in self._job_keys.jobs():
                self._watch(path, self.end_of_holder)

    def _stop_leading(self) -> None:
        self._leads = False
        for queue in self._queues.values():
            for _, _, waiter in queue:
                waiter.answer(MOVED)
        self._queues.clear()
        self._pollers.clear()

    def _check_leading(self) -> None:
        if not self._leads:
            raise NotLeading(_NOT_LEADING)

    def _check_room(self, key: str) -> None:
        if key not in self._states and len(self._states) >= self._keys_count:
            raise NoRoom(f"{self._keys_count} keys are in use, which is the most there may be")

    def _current(self, key: str) -> KeyState:
        self._check_leading()
        self._expire()
        return self._states.get(key, _FREE_STATE)

    def _enqueue(self, key: str, waiter: Waiter) -> None:
        self._bids_count += 1
        # A moment that is yet to come would let its client wait behind all that come till then.
        since_ns = min(waiter.bid.holder.since_ns, self._clock_ns())
        bisect.insort(self._queues.setdefault(key, []), (since_ns, self._bids_count, waiter))

    def _withdraw(self, key: str, waiter: Waiter) -> None:
        queue = self._queues.get(key, [])
        queue[:] = [entry for entry in queue if entry[2] is not waiter]
        self._settle(key)

    def _settle(self, key: str) -> None:
        """Answer those at the head of a key's queue, until one has to wait."""
        queue = self._queues.get(key)
        if queue is None:
            return
        if key in self._inherited:
            self._answer_misfits(key)
            return
        while queue:
            waiter, state = queue[0][2], self._states.get(key, _FREE_STATE)
            verdict = waiter.bid.verdict_on(state)
            if verdict == WAITING or (verdict == GRANTED and self._is_reserved(key, queue[0][0])):
                return
            del queue[0]
            if not waiter.is_connected():
                waiter.answer(ENDED)
                continue
            if verdict == GRANTED:
                state = self._grant(key, state, waiter.bid)
            waiter.answer(verdict, state.value)
        del self._queues[key]
        self._pollers.note_granted(key)

    def _is_reserved(self, key: str, since_ns: int) -> bool:
        """Return whether a key is left to one that has tried to swap it in for longer. When that ends it is settled."""
        until_ns = self._pollers.reserved_until_ns(key, since_ns, self._clock_ns())
        if until_ns:
            self._deadlines.add(until_ns, key)
        return until_ns != 0

    def _answer_misfits(self, key: str) -> None:
        """Answer those who wait for a key in vain, wherever they are in its queue."""
        state, queue = self._states.get(key, _FREE_STATE), self._queues.get(key, [])
        for entry in list(queue):
            verdict = entry[2].bid.verdict_on(state)
            if verdict not in (WAITING, GRANTED):
                queue.remove(entry)
                entry[2].answer(verdict, state.value)
        if not queue:
            self._queues.pop(key, None)

    def _grant(self, key: str, state: KeyState, bid: Bid) -> KeyState:
        expires_ns = self._clock_ns() + bid.ttl_ns if bid.ttl_ns else 0
        holder = replace(bid.holder, granted_ns=self._now_ns(), expires_ns=expires_ns)
        granted = bid.grant_to(holder, state)
        self._put(key, state, granted)
        self._pollers.note_granted(key)
        if expires_ns:
            self._deadlines.add(expires_ns, key, holder.token)
        return granted

    def _expire(self) -> None:
        if self._inherited and self._returned_ns <= self._clock_ns():
            keys, self._inherited = self._inherited, set()
            for key in keys:
                self._settle(key)
                self._answer_misfits(key)  # bids of both kinds may have come to a key that was free
        for expires_ns, key, token in self._deadlines.pop_passed(self._clock_ns()):
            state = self._states.get(key, _FREE_STATE)
            holder = state.holder_of(token)
            if not token:
                self._settle(key)
            elif holder is not None and holder.expires_ns == expires_ns:
                self._put(key, state, state.without(lambda other, token=token: other.token == token))  # type: ignore[misc]
                self._settle(key)

    def _put(self, key: str, before: KeyState, after: KeyState) -> None:
        """Give a key another state, in the journal too."""
        if after is before:
            return
        if after.is_free:
            self._states.pop(key, None)
        else:
            self._states[key] = after
        self._job_keys.note(key, before, after)
        if self._journal is not None:
            self._journal.note(key, self._states)


def _count(queue: _Queue) -> int:
    """Return how many wait in a queue."""
    return sum(waiter.is_connected() for _, _, waiter in queue)
