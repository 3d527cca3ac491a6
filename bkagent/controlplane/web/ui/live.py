"""Changes of a page while it is open, as server-sent events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Callable, List, Optional

from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.terminal.interpreter import Interpreter
from bkagent.controlplane.web.ui.terminal.lines import lines_of
from bkagent.transport.answer import Answer, Sink, Stream

if TYPE_CHECKING:
    from bkagent.controlplane.events import Subscription
    from bkagent.controlplane.records import Event

HEARTBEAT_S = 15.0
READ_BYTES = 256 * 1024
_HEADERS = (
    ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)  # fmt: skip


# Says whether the reader of a stream may still read it.
Allowed = Callable[[], bool]


def follow_log(site: Site, job_id: str, start: int, offset: int, allowed: Allowed) -> Answer:
    """Stream what changes in a log. The page already shows the bytes from `start` to `offset`."""

    def follow(subscription: "Subscription", sink: Sink) -> None:
        _LogFollower(site, job_id, start, offset, subscription, allowed).run(sink)

    return _stream(site, follow)


def follow_build(site: Site, build_id: str, since: Optional[int], allowed: Allowed) -> Answer:
    """Stream an event whenever a build, or without an id any build or agent, has changed.

    The first comes at once if that was after the revision `since` of the feed, which a page was rendered at.
    """

    def follow(subscription: "Subscription", sink: Sink) -> None:
        is_outdated = since is not None and site.plane.feed.has_changed_since(since, build_id)
        _tell_changes(subscription, sink, build_id, allowed, is_outdated)

    return _stream(site, follow)


def _stream(site: Site, follow: "Callable[[Subscription, Sink], None]") -> Answer:
    """Return a stream that subscribes when it begins, since a stream that the server has no room for never begins."""
    subscriptions: "List[Subscription]" = []

    def run(sink: Sink) -> None:
        subscription = site.plane.feed.subscribe()
        subscriptions.append(subscription)
        try:
            if not sink.stopping:
                follow(subscription, sink)
        finally:
            subscription.close()

    def wake() -> None:
        for subscription in subscriptions:
            subscription.close()

    return Answer(200, Stream(run, wake), _HEADERS)


def _tell_changes(subscription: "Subscription", sink: Sink, build_id: str, allowed: Allowed, is_outdated: bool) -> None:
    sink.write(b"retry: 2000\n\n" + (_event("changed", {}) if is_outdated else b""))
    while not sink.stopping and not subscription.closed:
        event = subscription.get(HEARTBEAT_S)
        if not allowed():
            return
        if event is None:
            sink.write(b": still here\n\n")
            continue
        changed = False
        while event is not None:  # what waits already makes one change of the page
            changed = changed or _concerns(event, build_id)
            event = subscription.get(0)
        if changed:
            sink.write(_event("changed", {}))


def _concerns(event: "Event", build_id: str) -> bool:
    if event.kind == "log":
        return False
    return event.kind == "missed" or not build_id or event.build_id == build_id


def _event(name: str, document: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(document, separators=(',', ':'))}\n\n".encode("ascii")


class _LogFollower:
    """Renders a log on the server as it grows; sends the lines that changed."""

    def __init__(
        self, site: Site, job_id: str, start: int, offset: int, subscription: "Subscription", allowed: Allowed
    ) -> None:
        self._plane = site.plane
        self._job_id = job_id
        self._start, self._offset = start, offset
        self._subscription, self._allowed = subscription, allowed
        self._interpreter = Interpreter()
        self._gone = 0  # lines that cannot change any more and were forgotten

    def run(self, sink: Sink) -> None:
        """Write events until the log is whole, or the reader leaves or may not read any more."""
        sink.write(b"retry: 2000\n\n")
        self._replay()
        while not sink.stopping and not self._subscription.closed:
            ended = self._plane.jobs.get(self._job_id).final
            if not self._allowed():
                return
            if self._catch_up():
                self._send(sink)
                continue
            if ended:
                sink.write(_event("ended", {}))
                return
            if not self._wait():
                sink.write(b": still here\n\n")

    def _replay(self) -> None:
        """Feed what the page shows already, and forget that it changed anything."""
        at = self._start
        while at < self._offset:
            data = self._plane.logs.read(self._job_id, at, min(READ_BYTES, self._offset - at))
            if not data:
                break
            self._interpreter.feed(data)
            at += len(data)
        self._offset = at
        self._gone += self._interpreter.screen.settle()

    def _catch_up(self) -> bool:
        data = self._plane.logs.read(self._job_id, self._offset, READ_BYTES)
        self._offset += len(data)
        self._interpreter.feed(data)
        return bool(data)

    def _send(self, sink: Sink) -> None:
        screen = self._interpreter.screen
        first, row = screen.change()
        lines: List[List[str]] = []
        for line in lines_of(screen.rows[row:]):
            lines.append([line.marker, with_emoji(line.html) if line.marker else line.html])
        sink.write(_event("lines", {"from": self._gone + first, "lines": lines}))
        self._gone += screen.settle()

    def _wait(self) -> bool:
        """Wait for news of this job; False when a heartbeat is due."""
        while True:
            event: Optional[Event] = self._subscription.get(HEARTBEAT_S)
            if event is None:
                return self._subscription.closed
            if event.kind == "missed" or (event.job_id == self._job_id and event.kind in ("log", "job")):
                while event is not None:  # the log is read from the file, so one look serves for all that waits
                    event = self._subscription.get(0)
                return True
