"""One job from its offer to its end: accept, acquire, start, finish, its state, its timeout."""

from __future__ import annotations

from bkagent.controlplane.errors import JobNotReady
from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
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
    except JobNotReady as problem:
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
    """Return the state of a job, by which its agent learns that it was canceled."""
    return json_answer(200, {"state": site.plane.jobs.get(caller.job_id).state})


def update(site: Site, request: Request, caller: Caller) -> Answer:
    """Refuse to change the timeout of a running job, the only update that the API has."""
    raise HttpError(422, "changing a running job is not supported by this control plane")


def promise_failure(site: Site, request: Request, caller: Caller) -> Answer:
    """Refuse a promised failure, which would let dependent steps run early."""
    raise HttpError(404, "promised failures are not supported by this control plane")
