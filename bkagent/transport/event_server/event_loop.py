"""One thread that waits for many descriptors and many moments, at a cost that does not grow with their number."""

from __future__ import annotations

import heapq
import selectors
import socket
import threading
import time
from collections import deque
from typing import Callable, Deque, List, Tuple

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
NEVER = float("inf")
_BELL_BYTES = 4096
_POSTED_COUNT = 64  # as much work of other threads is done before descriptors have their turn
_SPARE_COUNT = 64


class EventHandler:
    """What waits for a descriptor or a moment. Its methods are called on the loop's thread.

    watched   for which events its descriptor is looked at
    ends_at   when `on_late` is called, by `time.monotonic()`; may be put off by any thread
    """

    watched = 0
    ends_at = NEVER
    timer_at = NEVER  # when the loop looks whether it is late

    def fileno(self) -> int:
        """Return the descriptor."""
        raise NotImplementedError

    def on_event(self, events: int) -> None:
        """Act on what the descriptor is ready for."""
        raise NotImplementedError

    def on_late(self) -> None:
        """Act on the moment `ends_at`."""
        raise NotImplementedError


class EventLoop:
    """Calls handlers. But for `post`, its methods are for its own thread, which calls `step` again and again."""

    def __init__(self, report_defect: Callable[[Exception], None]) -> None:
        """`report_defect` is told what a handler has raised, which ends no other."""
        self._report_defect = report_defect
        self._selector = selectors.DefaultSelector()
        self._posted: Deque[Callable[[], None]] = deque()
        self._timers: List[Tuple[float, int, EventHandler]] = []  # a heap
        self._timers_count = 0
        self._most_timers_count = _SPARE_COUNT  # above this, what counts no longer is sorted out
        self._bell, self._ringer = socket.socketpair()
        for end in (self._bell, self._ringer):
            end.setblocking(False)
        self._selector.register(self._bell, READ, None)
        self._is_rung = False
        self._thread_id = 0

    def post(self, work: Callable[[], None]) -> None:
        """Have `work` called on the loop's thread, soon. Safe for any thread, also after `close`."""
        self._posted.append(work)
        if not self._is_rung and threading.get_ident() != self._thread_id:
            self._is_rung = True
            try:
                self._ringer.send(b"!")
            except OSError:
                pass  # it has rung already, or the loop is closed

    def watch(self, handler: EventHandler, events: int) -> None:
        """Look at the handler's descriptor for these events; 0 for none."""
        if handler.watched == events:
            return
        if not handler.watched:
            self._selector.register(handler.fileno(), events, handler)
        elif events:
            self._selector.modify(handler.fileno(), events, handler)
        else:
            self._selector.unregister(handler.fileno())
        handler.watched = events

    def hand_over(self, former: EventHandler, handler: EventHandler, events: int) -> None:
        """Let another handler have a descriptor."""
        if not former.watched:
            return self.watch(handler, events)
        self._selector.modify(handler.fileno(), events, handler)
        former.watched, handler.watched = 0, events
        return None

    def set_end(self, handler: EventHandler, moment: float) -> None:
        """Call the handler at this moment, and not at the one that was set before."""
        handler.ends_at = moment
        if moment < handler.timer_at:
            self._add_timer(handler, moment)

    def release(self, handler: EventHandler) -> None:
        """Look after it no longer."""
        self.watch(handler, 0)
        handler.ends_at = handler.timer_at = NEVER

    def step(self) -> None:
        """Wait until there is something to do, and do it."""
        self._thread_id = threading.get_ident()
        for key, events in self._selector.select(self._patience_s()):
            handler = key.data
            if handler is None:
                self._bell.recv(_BELL_BYTES)
                self._is_rung = False  # before the work is looked at: who posts more from now on rings again
            elif handler.watched & events:  # else what came before it in this round has ended its watch
                try:
                    handler.on_event(events)
                except Exception as problem:  # the edge of one handler
                    self._abandon(handler, problem)
        self._call_late()
        for _ in range(min(len(self._posted), _POSTED_COUNT)):
            try:
                self._posted.popleft()()
            except Exception as problem:  # the edge of one piece of work
                self._report_defect(problem)

    def close(self) -> None:
        """Let go of everything."""
        self._selector.close()
        self._bell.close()
        self._ringer.close()

    def _abandon(self, handler: EventHandler, problem: Exception) -> None:
        """Look no more after a handler that has a defect, which would come again and again."""
        try:
            self.release(handler)
        except (KeyError, ValueError, OSError):
            handler.watched = 0  # its descriptor is closed
        self._report_defect(problem)

    def _patience_s(self) -> "float | None":
        if self._posted:
            return 0
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _call_late(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            moment, _, handler = heapq.heappop(self._timers)
            if moment != handler.timer_at:
                continue  # an earlier moment was set after this one
            handler.timer_at = NEVER
            if handler.ends_at <= now:
                handler.ends_at = NEVER
                try:
                    handler.on_late()
                except Exception as problem:  # the edge of one handler
                    self._abandon(handler, problem)
            elif handler.ends_at != NEVER:
                self._add_timer(handler, handler.ends_at)

    def _add_timer(self, handler: EventHandler, moment: float) -> None:
        handler.timer_at = moment
        self._timers_count += 1
        heapq.heappush(self._timers, (moment, self._timers_count, handler))
        if len(self._timers) > self._most_timers_count:
            self._timers = [entry for entry in self._timers if entry[0] == entry[2].timer_at]
            heapq.heapify(self._timers)
            self._most_timers_count = 2 * len(self._timers) + _SPARE_COUNT
