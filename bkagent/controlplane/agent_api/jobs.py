"""One job from its offer to its end: accept, acquire, start, finish, its state, its timeout."""

from __future__ import annotations

from bkagent.controlplane.agent_api import access
from bkagent.controlplane.errors import Locked
from bkagent.controlplane.site import Route, Site
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError
from bkagent.wire.finish import Finish

LOCKED_RETRY_S = 5


def accept(site: Site, request: Request) -> Answer:
    """Give an agent the job that a ping offered to it."""
    accepted = site.plane.accept(access.session(site, request), request.parameters["id"])
    return json_answer(200, accepted.to_wire())


def acquire(site: Site, request: Request) -> Answer:
    """Give an agent a job that it names."""
    try:
        accepted = site.plane.acquire(access.session(site, request), request.parameters["id"])
    except Locked as problem:
        raise HttpError(problem.status, str(problem), (("Retry-After", str(LOCKED_RETRY_S)),)) from None
    return json_answer(200, accepted.to_wire())


def start(site: Site, request: Request) -> Answer:
    """Note that a job has started."""
    job = access.own_job(site, request)
    site.plane.start(job.id, started_at=access.fields(request, "job start").text("started_at", ""))
    return json_answer(200, {"id": job.id})


def finish(site: Site, request: Request) -> Answer:
    """Note how a job ended."""
    job = access.own_job(site, request)
    site.plane.finish(job.id, Finish.from_wire(request.json()))
    return json_answer(200, {"id": job.id})


def state(site: Site, request: Request) -> Answer:
    """Say what state a job is in; this is how an agent learns of a cancel."""
    return json_answer(200, {"state": access.own_job(site, request).state})


def update(site: Site, request: Request) -> Answer:
    """Changing the timeout of a running job is the only update there is; this control plane does not offer it."""
    access.own_job(site, request)
    raise HttpError(422, "this control plane does not change jobs that run")


def promise_failure(site: Site, request: Request) -> Answer:
    """A promised failure lets dependants go on early; where that is not offered, 404 says so."""
    access.own_job(site, request)
    raise HttpError(404, "this control plane takes no promised failures")


ROUTES: "tuple[Route, ...]" = (
    ("PUT", "/v3/jobs/{id}/accept", accept),
    ("PUT", "/v3/jobs/{id}/acquire", acquire),
    ("PUT", "/v3/jobs/{id}/start", start),
    ("PUT", "/v3/jobs/{id}/finish", finish),
    ("GET", "/v3/jobs/{id}", state),
    ("PUT", "/v3/jobs/{id}", update),
    ("PUT", "/v3/jobs/{id}/promise_failure", promise_failure),
)
