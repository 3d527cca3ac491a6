"""The pages of agents, and what their forms do."""

from __future__ import annotations

import time
from typing import Dict, Iterable, List, Tuple
from urllib.parse import urlencode

from bkagent.controlplane.api_tokens import OPERATOR
from bkagent.controlplane.records import Agent, Job
from bkagent.controlplane.scheduling import agent_load
from bkagent.controlplane.web.context import Route, Site
from bkagent.controlplane.web.ui import access, agents_view, builds_page, forms, reader_pages
from bkagent.controlplane.web.ui.agents_view import PATH, JobOfBuild
from bkagent.controlplane.web.ui.layout import AGENTS, Frame
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.digits import is_whole

PER_PAGE = 100
LOST_COUNT = 50
JOBS_COUNT = 30


def agents(site: Site, request: Request) -> Answer:
    """The agents in touch by name, of one queue or of all; below them the lost ones."""
    events, now = reader_pages.events_path(site, "/-/live"), time.time()
    session, queue = access.session_of(site, request), request.value("queue")
    records = sorted(site.plane.sessions.find(), key=lambda agent: (agent.name, agent.created_at, agent.id))
    if queue:
        records = [agent for agent in records if agent_load.is_in_queue(agent.meta_data, queue)]
    number, pages_count = reader_pages.page_number(request), max(1, -(-len(records) // PER_PAGE))
    shown = records[(number - 1) * PER_PAGE : number * PER_PAGE]
    path = PATH + (f"?{urlencode({'queue': queue})}" if queue else "")
    back_to = builds_page.page_path(path, number) if number > 1 else path
    lost, lost_count = site.plane.sessions.lost(LOST_COUNT)
    connected = [
        fill("<h1>{title}</h1>", title=f"Agents of the queue {queue}" if queue else "Agents"),
        _counts(records),
    ]
    if shown:
        jobs = _jobs_of(site, shown)
        connected.append(agents_view.agents_table(site, "Agents in touch", shown, jobs, session, back_to, now))
    else:
        connected.append(Html('<p class="empty">No agent is connected. Start one with <code>bkagent start</code>.</p>'))
    connected.append(builds_page.page_links(path, number, pages_count))
    if lost and not queue and number == 1:
        connected.append(Html('<h2>Lost agents</h2>\n<p class="soft">They stopped calling without a word.</p>'))
        connected.append(agents_view.agents_table(site, "Lost agents", lost, {}, None, path, now))
        if lost_count > len(lost):
            connected.append(fill('<p class="soft">And {more} more.</p>', more=lost_count - len(lost)))
    return reader_pages.answer(site, request, Frame("Agents", AGENTS, events_path=events), join(connected))


def _counts(records: Iterable[Agent]) -> Html:
    counts: Dict[str, int] = {}
    for agent in records:
        state = "paused" if agent.paused and agent.state == "connected" else agent.state
        counts[state] = counts.get(state, 0) + 1
        if agent.job_id:
            counts["running a job"] = counts.get("running a job", 0) + 1
    items = [fill("<li><b>{count}</b> {state}</li>", count=counts[state], state=state) for state in sorted(counts)]
    return fill('<ul class="facts">{items}</ul>', items=join(items)) if items else NOTHING


def _jobs_of(site: Site, records: Iterable[Agent]) -> Dict[str, JobOfBuild]:
    """Return by agent the job that it has."""
    return {agent.id: _with_build(site, [site.plane.jobs.get(agent.job_id)])[0] for agent in records if agent.job_id}


def _with_build(site: Site, jobs: Iterable[Job]) -> List[JobOfBuild]:
    return [(job, site.plane.builds.get(job.build_id)) for job in jobs]


def agent(site: Site, request: Request) -> Answer:
    """One agent, whatever its state."""
    events, now = reader_pages.events_path(site, "/-/live"), time.time()
    session = access.session_of(site, request)
    record = site.plane.sessions.get(request.parameters["agent"])
    job = _jobs_of(site, [record]).get(record.id)
    jobs = _with_build(site, site.plane.sessions.jobs_of(record.id, JOBS_COUNT))
    content = [
        fill("<h1>{name}</h1>", name=record.name),
        agents_view.agent_facts(site, record, job, now - site.plane.sessions.silence_s(record.id), now),
        agents_view.agent_forms(record, session) if session else NOTHING,
        Html("<h2>Jobs</h2>"),
        agents_view.jobs_table(site, jobs, now) if jobs else Html('<p class="empty">It has not had a job yet.</p>'),
    ]
    is_over = record.state in ("disconnected", "stopped")
    crumbs = (AGENTS, (record.name, agents_view.agent_path(record.id)))
    frame = Frame(record.name, AGENTS, crumbs, "" if is_over else events)
    return reader_pages.answer(site, request, frame, join(content))


def stop(site: Site, request: Request) -> Answer:
    """Ask an agent to leave once its job has ended, or at once."""
    agent_id, fields = _asked(site, request)
    site.plane.sessions.stop(agent_id, force=bool(fields.text("force")))
    return _back(agent_id, fields)


def pause(site: Site, request: Request) -> Answer:
    """Give an agent no work for a while."""
    agent_id, fields = _asked(site, request)
    minutes = fields.text("minutes").strip()
    if minutes and not (is_whole(minutes, 6) and int(minutes) > 0):
        raise HttpError(422, f'the minutes must be a whole number above 0, not "{minutes[:20]}"')
    note, limit = fields.text("note").strip(), int(minutes) if minutes else None
    site.plane.sessions.pause(agent_id, note=note, timeout_minutes=limit, by=str(OPERATOR))
    return _back(agent_id, fields)


def resume(site: Site, request: Request) -> Answer:
    """Give a paused agent work again."""
    agent_id, fields = _asked(site, request)
    site.plane.sessions.resume(agent_id)
    return _back(agent_id, fields)


def _asked(site: Site, request: Request) -> Tuple[str, forms.FormFields]:
    """Return the agent that a form is about, and its fields. Raises HttpError or NotFound."""
    forms.refuse_when_open(site)
    fields = forms.read_checked(site, request)
    return site.plane.sessions.get(request.parameters["agent"]).id, fields


def _back(agent_id: str, fields: forms.FormFields) -> Answer:
    return forms.see_other(forms.local_path(fields.text(forms.BACK_FIELD), agents_view.agent_path(agent_id)))


_AGENT = PATH + "/{agent}"
ROUTES: "Tuple[Route, ...]" = (("GET", PATH, agents), ("GET", _AGENT, agent))
# Each of these checks itself that a session's form was sent.
FORM_ROUTES: "Tuple[Route, ...]" = (
    ("POST", _AGENT + "/stop", stop),
    ("POST", _AGENT + "/pause", pause),
    ("POST", _AGENT + "/resume", resume),
)
