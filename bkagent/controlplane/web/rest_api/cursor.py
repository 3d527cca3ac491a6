"""Lists by cursor: `after` and `before` in the query name an item, and the answer links to the neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Sequence, Tuple
from urllib.parse import urlencode

from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError


@dataclass(frozen=True)
class Cursor:
    """Which part of a list a request is for: at most `per_page` items after one, or before one; "" for neither."""

    per_page: int
    after: str
    before: str

    @classmethod
    def of(cls, request: Request) -> "Cursor":
        """Read the query. Raises HttpError 400."""
        after, before = request.value("after"), request.value("before")
        if after and before:
            raise HttpError(400, "after and before are mutually exclusive")
        return cls(Page.of(request).per_page, after, before)

    def cut(self, ids: Sequence[str]) -> Tuple[int, int]:
        """Return where its part of a list of items with these ids begins and ends. Raises HttpError 400."""
        name, id = ("before", self.before) if self.before else ("after", self.after)
        if id and id not in ids:
            raise HttpError(400, f"{name} must be the id of an item in the list")
        if self.before:
            end = ids.index(id)
            return max(0, end - self.per_page), end
        start = ids.index(id) + 1 if id else 0
        return start, min(start + self.per_page, len(ids))

    def links(self, site: Site, request: Request, ids: Sequence[str]) -> "dict[str, Optional[str]]":
        """Return the URLs of this part, the next, the one before and the first, null where there is none."""
        start, end = self.cut(ids)
        others = [(key, text) for key, text in request.query if key not in ("after", "before", "per_page", "page")]

        def url(*cursor: Tuple[str, str]) -> str:
            query: List[Tuple[str, str]] = [*others, ("per_page", str(self.per_page)), *cursor]
            return f"{site.base_url(request)}{request.head.target.partition('?')[0]}?{urlencode(query)}"

        own = [(name, id) for name, id in (("after", self.after), ("before", self.before)) if id]
        return {
            "self": url(*own), "next": url(("after", ids[end - 1])) if 0 < end < len(ids) else None,
            "prev": url(("before", ids[start])) if 0 < start < len(ids) else None, "first": url(),
        }  # fmt: skip
