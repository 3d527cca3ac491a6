"""Agents: list, read, stop, pause, resume."""

from __future__ import annotations

from typing import Any, Dict

from bkagent.controlplane.records import Agent
from bkagent.controlplane.scheduling.agent_tags import queue_of
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, clusters, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.wire.reader import Reader


def agents(site: Site, request: Request) -> Answer:
    """List the agents that are connected or stopping."""
    records = site.plane.sessions.find()
    for name in ("name", "hostname", "version"):
        filter_text = request.value(name)
        records = [agent for agent in records if not filter_text or getattr(agent, name) == filter_text]
    queue_id = request.value("cluster_queue_id")
    if queue_id:
        records = [agent for agent in records if clusters.queue_id(site, queue_of(agent.meta_data)) == queue_id]
    page = Page.of(request)
    forms_of_page = [_form(site, request, agent) for agent in page.cut(records)]
    return page.answer(site, request, forms_of_page, len(records))


def agent(site: Site, request: Request) -> Answer:
    """Return one agent, whatever its state."""
    return json_answer(200, _form(site, request, site.plane.sessions.get(request.parameters["agent"])))


def stop(site: Site, request: Request) -> Answer:
    """Ask an agent to leave; by force, which is the default here, its job and that job's build are canceled."""
    reader = Reader(access.body(request), "agent stop")
    site.plane.sessions.stop(request.parameters["agent"], force=reader.flag("force", True))
    return Answer(204)


def pause(site: Site, request: Request) -> Answer:
    """Give an agent no work for a while."""
    reader = Reader(access.body(request), "agent pause")
    minutes = reader.whole("timeout_in_minutes", 0, low=0)
    note = reader.text("note", "")
    owner = access.token_of(site, request).owner
    site.plane.sessions.pause(request.parameters["agent"], note=note, timeout_minutes=minutes or None, by=str(owner))
    return Answer(204)


def resume(site: Site, request: Request) -> Answer:
    """Give a paused agent work again."""
    site.plane.sessions.resume(request.parameters["agent"])
    return Answer(204)


def _form(site: Site, request: Request, record: Agent) -> Dict[str, Any]:
    base = site.base_url(request)
    running = None
    if record.job_id:
        job = site.plane.jobs.get(record.job_id)
        running = forms.job(site, base, job, site.plane.builds.get(job.build_id))
    return forms.agent(site, base, record, running)


_ONE = "/v2/organizations/{org}/agents/{agent}"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", "/v2/organizations/{org}/agents", agents, "read_agents"),
    ("GET", _ONE, agent, "read_agents"),
    ("PUT", _ONE + "/stop", stop, "write_agents"),
    ("PUT", _ONE + "/pause", pause, "write_agents"),
    ("PUT", _ONE + "/resume", resume, "write_agents"),
)
