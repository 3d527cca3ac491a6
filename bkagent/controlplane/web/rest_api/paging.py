"""Lists in pages: `page` and `per_page` of the query, and the Link header that names the neighbours."""

from __future__ import annotations

from typing import List, Sequence, Tuple, TypeVar
from urllib.parse import quote, urlencode

from bkagent.controlplane.web.context import Site
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError

PER_PAGE, MOST_PER_PAGE = 30, 100
MOST_PAGES = 100_000
T = TypeVar("T")


def requested(request: Request) -> Tuple[int, int]:
    """Return page (from 1) and per_page. Values below 1 count as 1: clients send page 0. Raises HttpError 400."""
    page = _whole(request, "page", 1)
    if page > MOST_PAGES:
        raise HttpError(400, f"there are no pages after {MOST_PAGES}; narrow the list by a filter")
    return max(page, 1), min(max(_whole(request, "per_page", PER_PAGE), 1), MOST_PER_PAGE)


def cut(request: Request, items: Sequence[T]) -> List[T]:
    """Return the items of the requested page."""
    page, per_page = requested(request)
    return list(items[(page - 1) * per_page : page * per_page])


def page_answer(site: Site, request: Request, forms: Sequence[object], total: int) -> Answer:
    """Return the forms of one page, with links to its neighbours, out of `total` items."""
    page, per_page = requested(request)
    last = max((total + per_page - 1) // per_page, 1)
    neighbours = []
    if page < last:
        neighbours += [("next", page + 1), ("last", last)]
    if page > 1:
        neighbours += [("prev", page - 1), ("first", 1)]
    # Commas and semicolons would end a link for clients that split at them, so they are percent-encoded.
    other_values = [(name, value) for name, value in request.query if name not in ("page", "per_page")]
    path = "/" + quote(request.head.target.partition("?")[0].strip("/"), safe="/%")
    links = []
    for relation, number in neighbours:
        query = urlencode([*other_values, ("page", number), ("per_page", per_page)])
        links.append(f'<{site.base_url(request)}{path}?{query}>; rel="{relation}"')
    return json_answer(200, list(forms), (("Link", ", ".join(links)),) if links else ())


def _whole(request: Request, name: str, default: int) -> int:
    text = request.value(name)
    if not text:
        return default
    if not text.lstrip("-").isdigit() or not text.isascii() or len(text) > 9:
        raise HttpError(400, f"{name} must be a whole number")
    return int(text)
