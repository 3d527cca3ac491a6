"""Changes of a page while it is open, as server-sent events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Callable, List, Optional

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.terminal.interpreter import Interpreter
from bkagent.controlplane.web.ui.terminal.lines import lines_of
from bkagent.transport.server.answer import Answer, EventSource, Stream

if TYPE_CHECKING:
    from bkagent.controlplane.events import Subscription
    from bkagent.controlplane.records import Event, Job

HEARTBEAT_S = 15.0
READ_BYTES = 256 * 1024
_HEADERS = (
    ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"), ("X-Accel-Buffering", "no"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)  # fmt: skip


# Says whether the reader of a stream may still read it.
Allowed = Callable[[], bool]


def follow_log(site: Site, job_id: str, start: int, offset: int, state: str, allowed: Allowed) -> Answer:
    """Stream what changes in a log and in the job's state.

    The page already shows the bytes from `start` to `offset`, and this state; "" where that is not known.
    """
    return Answer(200, Stream(_LogFollower(site, job_id, start, offset, state, allowed)), _HEADERS)


def follow_build(site: Site, build_id: str, since: Optional[int], allowed: Allowed) -> Answer:
    """Stream an event whenever a build, or without an id any build or agent, has changed.

    The first comes at once if that was after the revision `since` of the feed, which a page was rendered at.
    """
    return Answer(200, Stream(_BuildFollower(site, build_id, since, allowed)), _HEADERS)


class _Follower(EventSource):
    """Reads what has changed when the feed brings an event that concerns it."""

    heartbeat_s = HEARTBEAT_S

    def __init__(self, site: Site, allowed: Allowed) -> None:
        self._plane, self._allowed = site.plane, allowed
        self._subscription: "Optional[Subscription]" = None
        self._has_begun = False

    def begin(self, tell: Callable[[], None]) -> None:
        """See EventSource."""
        self._subscription = self._plane.feed.subscribe(self._concerns, tell)

    def read(self, is_due: bool) -> Optional[bytes]:
        """See EventSource."""
        if self._subscription is None or self._subscription.closed:
            return None
        try:
            return self._read(self._subscription, is_due)
        except NotFound:
            return None  # it was deleted while the page was open

    def _read(self, subscription: "Subscription", is_due: bool) -> Optional[bytes]:
        if not self._has_begun:
            self._has_begun = True
            return b"retry: 2000\n\n" + self._first()
        has_news = False
        while subscription.get(0) is not None:  # what waits already makes one change of the page
            has_news = True
        piece = self._next(has_news) if self._allowed() else None
        return b": still here\n\n" if piece == b"" and is_due else piece

    def close(self) -> None:
        """See EventSource."""
        if self._subscription is not None:
            self._subscription.close()

    def _concerns(self, event: "Event") -> bool:
        raise NotImplementedError

    def _first(self) -> bytes:
        raise NotImplementedError

    def _next(self, has_news: bool) -> Optional[bytes]:
        raise NotImplementedError


class _BuildFollower(_Follower):
    """Tells that a build has changed, or without an id any build or agent."""

    def __init__(self, site: Site, build_id: str, since: Optional[int], allowed: Allowed) -> None:
        super().__init__(site, allowed)
        self._build_id, self._since = build_id, since

    def _concerns(self, event: "Event") -> bool:
        if event.kind == "log":
            return False
        return event.kind == "missed" or not self._build_id or event.build_id == self._build_id

    def _first(self) -> bytes:
        is_outdated = self._since is not None and self._plane.feed.has_changed_since(self._since, self._build_id)
        return _event("changed", {}) if is_outdated else b""

    def _next(self, has_news: bool) -> Optional[bytes]:
        return _event("changed", {}) if has_news else b""


def _event(name: str, document: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(document, separators=(',', ':'))}\n\n".encode("ascii")


class _LogFollower(_Follower):
    """Renders a log on the server as it grows; sends the lines that changed, until it is whole.

    It tells of each new state of the job as well, since a page shows more of the job than its log.
    """

    def __init__(self, site: Site, job_id: str, start: int, offset: int, state: str, allowed: Allowed) -> None:
        super().__init__(site, allowed)
        self._job_id, self._state = job_id, state
        self._start, self._offset = start, offset
        self._interpreter = Interpreter()
        self._gone = 0  # lines that cannot change any more and were forgotten
        self._has_ended = False

    def _concerns(self, event: "Event") -> bool:
        return event.kind == "missed" or (event.job_id == self._job_id and event.kind in ("log", "job"))

    def _first(self) -> bytes:
        self._replay()
        return self._new_state(self._plane.jobs.get(self._job_id))

    def _next(self, has_news: bool) -> Optional[bytes]:
        if self._has_ended:
            return None
        job = self._plane.jobs.get(self._job_id)
        news = self._new_state(job)
        if self._catch_up():
            return news + self._changes()
        self._has_ended = job.final
        return _event("ended", {}) if job.final else news

    def _new_state(self, job: "Job") -> bytes:
        """Return the event of a state that the page does not show yet; the end has an event of its own."""
        is_new = self._state not in ("", job.state) and not job.final
        self._state = job.state
        return _event("changed", {}) if is_new else b""

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

    def _changes(self) -> bytes:
        screen = self._interpreter.screen
        first, row = screen.change()
        lines: List[List[str]] = []
        for line in lines_of(screen.rows[row:]):
            lines.append([line.marker, with_emoji(line.html) if line.marker else line.html])
        from_line = self._gone + first
        self._gone += screen.settle()
        return _event("lines", {"from": from_line, "lines": lines})
