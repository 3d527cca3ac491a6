"""The feed of what happens, for pages and terminals that show it live.

A subscriber that is too slow loses events, so that they never fill the memory. An event of the kind "missed" tells it
to read again what it shows.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional, Tuple

from bkagent.controlplane.records import Event

MOST_EVENTS = 10_000
MOST_BYTES = 8 << 20
RECENT_COUNT = 1000


class Subscription:
    """The events of one subscriber, oldest first.

    concerns   says which events it is to get
    tell       called after each of them, on any thread, which it must not hold up
    """

    def __init__(
        self, end: Callable[["Subscription"], None], concerns: Callable[[Event], bool], tell: Callable[[], None]
    ) -> None:
        self._end, self._concerns, self._tell = end, concerns, tell
        self._ready = threading.Condition()
        self._events: Deque[Event] = deque()
        self._bytes = 0
        self.closed = False

    def get(self, timeout: Optional[float] = None) -> Optional[Event]:
        """Return the next event, or None after `timeout` seconds (None: no limit) or if the subscription is closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._events or self.closed, timeout)
            if not self._events or self.closed:
                return None
            event = self._events.popleft()
            self._bytes -= len(event.data)
            return event

    def put(self, event: Event) -> None:
        """Add an event. If the queue is full, the waiting events are replaced by one of the kind "missed"."""
        if not self._concerns(event):
            return
        with self._ready:
            if len(self._events) >= MOST_EVENTS or self._bytes + len(event.data) > MOST_BYTES:
                self._events.clear()
                self._events.append(Event("missed"))
                self._bytes = 0
            self._events.append(event)
            self._bytes += len(event.data)
            self._ready.notify()
        self._tell()

    def close(self) -> None:
        """Take no more events, and wake a thread that waits in `get`."""
        with self._ready:
            self.closed = True
            self._events.clear()
            self._ready.notify_all()
        self._tell()
        self._end(self)


class Feed:
    """Hands each event to every subscriber, in order.

    revision    a whole number that grows with every event but those of logs, over restarts of the server too
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.revision = self._oldest_known = time.time_ns()
        self._recent: Deque[Tuple[int, str]] = deque()  # the last events: revision, build
        self._subscriptions: List[Subscription] = []

    def subscribe(
        self, concerns: Callable[[Event], bool] = lambda event: True, tell: Callable[[], None] = lambda: None
    ) -> Subscription:
        """Return a new subscription; it sees what happens from now on."""
        with self._lock:
            subscription = Subscription(self._remove, concerns, tell)
            self._subscriptions.append(subscription)
            return subscription

    @property
    def has_subscribers(self) -> bool:
        """Return whether an event would reach anyone."""
        return bool(self._subscriptions)

    def publish(self, event: Event) -> None:
        """Give an event to every subscriber."""
        with self._lock:
            if event.kind != "log":
                self.revision += 1
                self._recent.append((self.revision, event.build_id))
                if len(self._recent) > RECENT_COUNT:
                    self._oldest_known, _ = self._recent.popleft()
            for subscription in self._subscriptions:
                subscription.put(event)

    def has_changed_since(self, revision: int, build_id: str) -> bool:
        """Return whether a build, or without an id any, has changed since a revision; true where that is not known."""
        with self._lock:
            if not self._oldest_known <= revision <= self.revision:
                return True
            return any(later > revision and build_id in ("", changed) for later, changed in self._recent)

    def close(self) -> None:
        """Close every subscription."""
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.close()

    def _remove(self, subscription: Subscription) -> None:
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
