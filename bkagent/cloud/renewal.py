"""Credentials and tokens that expire: fetched when first needed, and renewed in time, once for all threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Generic, Optional, TypeVar

from bkagent.errors import AgentError

if TYPE_CHECKING:
    from bkagent.report import Report

T = TypeVar("T")

# As the SDKs of AWS do it for credentials of containers and machines, which are replaced 5 minutes and more before.
EARLY_S = 300.0
_NEXT_TRY_S = 60.0


@dataclass(frozen=True)
class Expiring(Generic[T]):
    """What a source has given. `expires_s` is in seconds since the epoch, None where it does not expire."""

    content: T
    expires_s: Optional[float] = None


class Renewal(Generic[T]):
    """Keeps what `fetch` returns, and fetches it again in time. Thread-safe.

    One thread renews what expires soon while others go on with what there is; what has expired they all wait for.
    """

    def __init__(
        self,
        fetch: Callable[[], Expiring[T]],
        now: Callable[[], float],
        report: Report,
        *,
        what: str,
        early_s: float = EARLY_S,
    ) -> None:
        """Fetch nothing yet. `what` names the content in messages ("credentials of the role X")."""
        self._fetch, self._now, self._report, self._what, self._early_s = fetch, now, report, what, early_s
        self._renewing = threading.Lock()
        self._kept: Optional[Expiring[T]] = None
        self._not_before_s = 0.0
        self._failures_count, self._problem = 0, AgentError("")  # of `fetch`, and what it raised last

    def get(self) -> T:
        """Return the content, renewed if need be. Raises what `fetch` raises where nothing valid is left.

        Threads that wait for the same `fetch` share what it raises.
        """
        kept = self._kept
        if kept is not None and not self._expires_within(kept, self._early_s):
            return kept.content
        usable = kept is not None and not self._expires_within(kept, 0.0)
        failures_count = self._failures_count
        if not self._renewing.acquire(blocking=not usable):
            assert kept is not None
            return kept.content
        try:
            if self._kept is not kept and self._kept is not None:
                return self._kept.content  # another thread has renewed it meanwhile
            if self._failures_count != failures_count and not usable:
                raise self._problem  # fetched again by each of many threads in turn, it would fail for minutes
            return self._renewed(kept if usable else None).content
        finally:
            self._renewing.release()

    def discard(self, content: T) -> None:
        """Fetch anew at the next `get`, unless that was done already. For content that a server calls expired."""
        with self._renewing:
            if self._kept is not None and self._kept.content is content:
                self._kept = None

    def _expires_within(self, kept: Expiring[T], seconds: float) -> bool:
        return kept.expires_s is not None and kept.expires_s - self._now() <= seconds

    def _renewed(self, usable: Optional[Expiring[T]]) -> Expiring[T]:
        if usable is not None and self._now() < self._not_before_s:
            return usable
        try:
            self._kept = self._fetch()
        except AgentError as problem:
            self._failures_count, self._problem = self._failures_count + 1, problem
            if usable is None:
                raise
            self._not_before_s = self._now() + _NEXT_TRY_S
            self._report("warn", f"The {self._what} expire soon and could not be renewed yet: {problem}")
            return usable
        if self._expires_within(self._kept, self._early_s):
            # Some sources give what they have until it expires; asking for each request would not change that.
            self._not_before_s = self._now() + _NEXT_TRY_S
        return self._kept
