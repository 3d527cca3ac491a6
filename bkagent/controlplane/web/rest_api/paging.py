"""Lists in pages: `page` and `per_page` of the query, and the Link header that names the neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, TypeVar
from urllib.parse import quote, urlencode

from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

PER_PAGE, MOST_PER_PAGE = 30, 100
MOST_PAGES = 100_000
T = TypeVar("T")


@dataclass(frozen=True)
class Page:
    """Which part of a list a request is for: `number` is from 1 on."""

    number: int
    per_page: int

    @classmethod
    def of(cls, request: Request) -> "Page":
        """Read the query. Values below 1 count as 1: clients send page 0. Raises HttpError 400."""
        number = _whole(request, "page", 1)
        if number > MOST_PAGES:
            raise HttpError(400, f"there are no pages after {MOST_PAGES}; narrow the list by a filter")
        return cls(max(number, 1), min(max(_whole(request, "per_page", PER_PAGE), 1), MOST_PER_PAGE))

    @property
    def offset(self) -> int:
        """How many items come before it."""
        return (self.number - 1) * self.per_page

    def cut(self, items: Sequence[T]) -> List[T]:
        """Return its part of a whole list."""
        return list(items[self.offset : self.offset + self.per_page])

    def answer(self, site: Site, request: Request, forms: Sequence[object], total: int) -> Answer:
        """Return the forms of the page, with links to its neighbours, out of `total` items."""
        last = max((total + self.per_page - 1) // self.per_page, 1)
        neighbours = []
        if self.number < last:
            neighbours += [("next", self.number + 1), ("last", last)]
        if self.number > 1:
            neighbours += [("prev", self.number - 1), ("first", 1)]
        # Commas and semicolons would end a link for clients that split at them, so they are percent-encoded.
        other_values = [(name, value) for name, value in request.query if name not in ("page", "per_page")]
        path = "/" + quote(request.head.target.partition("?")[0].strip("/"), safe="/%")
        links = []
        for relation, number in neighbours:
            query = urlencode([*other_values, ("page", number), ("per_page", self.per_page)])
            links.append(f'<{site.base_url(request)}{path}?{query}>; rel="{relation}"')
        return json_answer(200, list(forms), (("Link", ", ".join(links)),) if links else ())


def _whole(request: Request, name: str, default: int) -> int:
    text = request.value(name)
    if not text:
        return default
    if not text.lstrip("-").isdigit() or not text.isascii() or len(text) > 9:
        raise HttpError(400, f"{name} must be a whole number")
    return int(text)
