"""The filters of a list of builds, as its query has them."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Sequence

from bkagent.controlplane.records import BuildFilter
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.timestamps import moment_of

STATES = (
    "creating", "scheduled", "running", "passed", "failing", "failed", "blocked", "canceling", "canceled", "skipped",
    "not_run",
)  # fmt: skip
FINISHED = ("passed", "failed", "blocked", "canceled")
_FILTERS = ("state", "branch", "commit", "creator", "created_from", "created_to", "finished_from", "meta_data[KEY]")
_OTHERS = (
    "page", "per_page", "include_retried_jobs", "exclude_jobs", "exclude_pipeline", "include_paused", "job_states",
)  # fmt: skip
_META_DATA = re.compile(r"meta_data\[(.+)\]", re.DOTALL)
# SQLite tries the text between two stars at every place, so more of them would take it long.
_MOST_STARS = 5


def read_filter(site: Site, request: Request, pipeline_slug: str) -> BuildFilter:
    """Return the filter. Raises HttpError 400 for what is unknown or invalid: a list of other builds would mislead."""
    for name, _ in request.query:
        base = name[:-2] if name.endswith("[]") else name
        if base not in _FILTERS and base not in _OTHERS and not _META_DATA.fullmatch(name):
            known = ", ".join(_FILTERS)
            raise HttpError(400, f'"{name[:40]}" is not a parameter of a list of builds; the filters are {known}')
    return BuildFilter(
        pipeline_slug, states=tuple(_states(request.values("state"))), branches=_patterns(request, "branch"),
        commits=_patterns(request, "commit"), created_from=_moment(request, "created_from"),
        created_to=_moment(request, "created_to"), finished_from=_moment(request, "finished_from"),
        creator=_creator(site, request.value("creator")), meta_data=_meta_data(request),
    )  # fmt: skip


def _states(words: Sequence[str]) -> List[str]:
    states: List[str] = []
    for word in words:
        if word != "finished" and word not in STATES:
            known = ", ".join(("finished", *STATES))
            raise HttpError(400, f'"{word[:40]}" is not a state of a build; the states are {known}')
        states += FINISHED if word == "finished" else (word,)
    return states


def _patterns(request: Request, name: str) -> "tuple[str, ...]":
    patterns = tuple(pattern for pattern in request.values(name) if pattern)
    if any(pattern.count("*") > _MOST_STARS for pattern in patterns):
        raise HttpError(400, f'{name} may have at most {_MOST_STARS} "*"')
    return patterns


def _moment(request: Request, name: str) -> Optional[float]:
    text = request.value(name)
    if not text:
        return None
    # Clients also send dates alone, and times without a zone, which are UTC.
    for form in (text, f"{text}Z", f"{text}T00:00:00Z"):
        moment = moment_of(form.replace(" ", "+") if "T" in form else form)
        if moment is not None:
            return moment
    raise HttpError(400, f"{name} must be a date such as 2015-05-09T21:05:59Z")


def _creator(site: Site, person_id: str) -> Optional[Dict[str, str]]:
    if not person_id:
        return None
    person = site.plane.api_tokens.person(person_id)
    return person.to_wire() if person is not None else {"name": "", "email": person_id}


def _meta_data(request: Request) -> Dict[str, str]:
    matches = [(_META_DATA.fullmatch(name), text) for name, text in request.query]
    return {match[1]: text for match, text in matches if match}
