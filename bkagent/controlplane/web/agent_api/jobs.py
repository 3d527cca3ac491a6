"""One job from its offer to its end: accept, acquire, start, finish, its state, its timeout."""

from __future__ import annotations

from bkagent.controlplane.errors import Locked
from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError
from bkagent.wire.finish import Finish

LOCKED_RETRY_S = 5


def accept(site: Site, request: Request, caller: Caller) -> Answer:
    """Give an agent the job that a ping offered to it."""
    accepted = site.plane.dispatch.accept(caller.agent_id, request.parameters["id"])
    return json_answer(200, accepted.to_wire())


def acquire(site: Site, request: Request, caller: Caller) -> Answer:
    """Give an agent a job that it names."""
    try:
        accepted = site.plane.dispatch.acquire(caller.agent_id, request.parameters["id"])
    except Locked as problem:
        raise HttpError(problem.status, str(problem), (("Retry-After", str(LOCKED_RETRY_S)),)) from None
    return json_answer(200, accepted.to_wire())


def start(site: Site, request: Request, caller: Caller) -> Answer:
    """Note that a job has started."""
    site.plane.runs.start(caller.job_id, started_at=access.fields(request, "job start").text("started_at", ""))
    return json_answer(200, {"id": caller.job_id})


def finish(site: Site, request: Request, caller: Caller) -> Answer:
    """Note how a job ended."""
    site.plane.runs.finish(caller.job_id, Finish.from_wire(request.json()))
    return json_answer(200, {"id": caller.job_id})


def state(site: Site, request: Request, caller: Caller) -> Answer:
    """Say what state a job is in; this is how an agent learns of a cancel."""
    return json_answer(200, {"state": site.plane.jobs.get(caller.job_id).state})


def update(site: Site, request: Request, caller: Caller) -> Answer:
    """Changing the timeout of a running job is the only update there is; this control plane does not offer it."""
    raise HttpError(422, "this control plane does not change jobs that run")


def promise_failure(site: Site, request: Request, caller: Caller) -> Answer:
    """A promised failure lets dependants go on early; where that is not offered, 404 says so."""
    raise HttpError(404, "this control plane takes no promised failures")
