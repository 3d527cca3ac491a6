"""The queues: who takes their jobs, what waits in them, and why."""

from __future__ import annotations

import time
from typing import Dict, List, Tuple
from urllib.parse import urlencode

from bkagent.controlplane.plane.queues import QueueLoad
from bkagent.controlplane.records import Build
from bkagent.controlplane.web.context import Route, Site
from bkagent.controlplane.web.ui import agents_view, reader_pages, tables, words
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.layout import QUEUES, Frame
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request

QUEUES_COUNT = 100
JOBS_COUNT = 10  # of each queue
_COLUMNS = (
    ("Queue", "main"), ("Agents", "number"), ("Busy", "number"), ("Idle", "number"), ("Paused", "number"),
    ("Running", "number"), ("Waiting", "number"),
)  # fmt: skip
_JOB_COLUMNS = (("Job", "main"), ("Waits because", "wide"), ("Priority", "number"), ("Since", "few"))


def queues(site: Site, request: Request) -> Answer:
    """Every queue with its agents and jobs."""
    events, now = reader_pages.events_path(site, "/-/live"), time.time()
    loads = site.plane.queues.loads(JOBS_COUNT)
    shown = loads[:QUEUES_COUNT]
    content: List[Html] = [Html("<h1>Queues</h1>")]
    if shown:
        rows = [tables.row(_COLUMNS, _cells(load)) for load in shown]
        content.append(tables.table("Queues", _COLUMNS, [tables.body(_COLUMNS, rows)]))
    else:
        content.append(Html('<p class="empty">No agent is connected and no job waits.</p>'))
    if len(loads) > len(shown):
        content.append(fill('<p class="soft">And {more} more queues.</p>', more=len(loads) - len(shown)))
    reasons = site.plane.queues.reasons(job for load in shown for job in load.first)
    builds: Dict[str, Build] = {}
    content += [_waiting(site, load, reasons, builds, now) for load in shown if load.first]
    return reader_pages.answer(site, request, Frame("Queues", QUEUES, events_path=events), join(content))


def _cells(load: QueueLoad) -> Tuple[Html, ...]:
    agents, waiting = load.agents, load.ready + load.limited + load.later
    path = f"{agents_view.PATH}?{urlencode({'queue': load.name})}"
    numbers = (
        (agents.total, "agent" if agents.total == 1 else "agents"), (agents.busy, "busy"), (agents.idle, "idle"),
        (agents.paused, "paused"), (load.running, "running"), (waiting, "waiting"),
    )  # fmt: skip
    link = fill('<a href="{path}">{name}</a>', path=path, name=_name(load))
    return (link, *(_number(count, word) for count, word in numbers))


def _number(count: int, word: str) -> Html:
    """Return a number for a cell, with what it counts for narrow pages, which show no heads."""
    kind = "" if count else ' class="soft"'
    return fill('<span{kind}>{count}</span><span class="unit"> {word}</span>', kind=Html(kind), count=count, word=word)


def _name(load: QueueLoad) -> str:
    return "any queue" if load.name in ("", "*") else load.name


def _waiting(site: Site, load: QueueLoad, reasons: Dict[str, str], builds: Dict[str, Build], now: float) -> Html:
    """Return the first jobs that wait in a queue."""
    rows = []
    for job in load.first:
        if job.build_id not in builds:
            builds[job.build_id] = site.plane.builds.get(job.build_id)
        cells = (
            agents_view.job_link(site, job, builds[job.build_id]),
            fill("{why}", why=with_emoji(reasons.get(job.id, ""))),
            fill("{priority}", priority=job.priority) if job.priority else NOTHING,
            words.ago(job.runnable_at or job.created_at, now),
        )  # fmt: skip
        rows.append(tables.row(_JOB_COLUMNS, cells, job.id))
    counts = (
        (load.ready, "for an agent"),
        (load.limited, "for others of their group"),
        (load.later, "for other steps"),
    )
    summary = ", ".join(f"{count} {what}" for count, what in counts if count)
    more = load.ready + load.limited + load.later - len(load.first)
    return fill(
        '<h2>Waiting in {name}</h2>\n<p class="soft">{summary}</p>\n{table}{more}', name=_name(load), summary=summary,
        table=tables.table(f"Jobs that wait in {_name(load)}", _JOB_COLUMNS, [tables.body(_JOB_COLUMNS, rows)]),
        more=fill('<p class="soft">And {more} more.</p>', more=more) if more > 0 else NOTHING,
    )  # fmt: skip


ROUTES: "Tuple[Route, ...]" = (("GET", "/-/queues", queues),)
