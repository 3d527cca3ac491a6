"""The token that each call needs, as rules that the table of routes names, and the fields of a body.

A session's token stands for the job that its agent runs, as the job's own token does.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

from bkagent.controlplane.api_tokens import KIND_AGENT, ApiToken
from bkagent.controlplane.errors import Forbidden, Rejected, Unauthorized
from bkagent.controlplane.records import Caller
from bkagent.controlplane.tokens import SESSION_PREFIX
from bkagent.controlplane.web.context import ARTIFACT_TICKET_PURPOSE, UPLOAD_TICKET_PURPOSE, Site
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.digits import is_whole
from bkagent.wire.reader import Reader


@dataclass(frozen=True)
class Rule:
    """The right that a call needs. `check` returns the caller; raises Unauthorized, Forbidden, NotFound or Rejected."""

    name: str
    check: Callable[[Site, Request], Caller]


def token(request: Request) -> str:
    """Return the token of `Authorization: Token ...`. Raises Unauthorized."""
    scheme, text = request.authorization()
    if scheme != "token" or not text:
        raise Unauthorized("an Authorization header with a token is required")
    return text


def _anyone(site: Site, request: Request) -> Caller:
    return Caller("")


def registration_token(site: Site, request: Request) -> ApiToken:
    """Return the token of the request, which registers agents. Raises Unauthorized."""
    agent_token = site.plane.api_tokens.by_secret(token(request), KIND_AGENT)
    if agent_token is None:
        raise Unauthorized("the token is not an agent registration token of this server")
    return agent_token


def _registration(site: Site, request: Request) -> Caller:
    registration_token(site, request)
    return Caller("")


def _session(site: Site, request: Request) -> Caller:
    caller = site.plane.callers.by_token(token(request))
    if not caller.is_session:
        raise Unauthorized("this call needs the token of an agent's session, not of a job")
    return caller


def _past_session(site: Site, request: Request) -> Caller:
    text = token(request)
    agent_id = site.plane.tokens.owner(SESSION_PREFIX, text)
    if not agent_id or not site.plane.tokens.is_session(text, agent_id):
        raise Unauthorized("the token is not valid")
    return Caller(agent_id, is_session=True)


def _reader(site: Site, request: Request) -> Caller:
    return site.plane.callers.by_token(token(request))


def _own_job(site: Site, request: Request) -> Caller:
    job = site.plane.callers.own_job(token(request), request.parameters["id"])
    return Caller(job.agent_id, job.id, job.build_id)


def _own_log(site: Site, request: Request) -> Caller:
    job = site.plane.callers.own_job(token(request), request.parameters["id"])
    if not site.plane.logs.is_open(job):
        raise Rejected("the job has ended; its log is closed")
    return Caller(job.agent_id, job.id, job.build_id)


def _reader_of_own(own: Callable[[Site, str, Caller], bool], refusal: str) -> Callable[[Site, Request], Caller]:
    """Return the check of a reader who must own what the path's id names, which `own` decides."""

    def check(site: Site, request: Request) -> Caller:
        caller = _reader(site, request)
        if not own(site, request.parameters["id"], caller):
            raise Forbidden(refusal)
        return caller

    return check


_running_job = _reader_of_own(
    lambda _, job_id, caller: job_id == caller.job_id,
    "the token belongs to another job, or its agent does not run this one",
)
_job_of_own_build = _reader_of_own(
    lambda site, job_id, caller: site.plane.jobs.get(job_id).build_id == caller.build_id,
    "a job may write to its own build only, and only while it runs",
)
_own_build = _reader_of_own(
    lambda _, build_id, caller: build_id == caller.build_id,
    "a job may cancel its own build only, and only while it runs",
)


def _step_of_own_build(site: Site, request: Request) -> Caller:
    _reader(site, request)
    build_id = fields(request, "step").text("build_id", "")
    caller = _reader(site, request)  # again: the job may have ended while the body was read
    if not caller.build_id or build_id not in ("", caller.build_id):
        raise Forbidden("a job may change steps of its own build only, and only while it runs")
    return caller


def _upload_ticket(site: Site, request: Request) -> Caller:
    parameters = request.parameters
    id, of_batch = parameters["id"], "batch" in parameters
    subject = f"{id}/{parameters['batch']}" if of_batch else id
    if not site.plane.tokens.is_ticket(parameters["ticket"], UPLOAD_TICKET_PURPOSE, subject):
        raise Forbidden("the URL does not permit this upload")
    job = site.plane.jobs.get(id if of_batch else site.plane.artifacts.get(id).job_id)
    if job.final:
        raise Rejected("the job has ended; it can add no artifacts")
    return Caller(job.agent_id, job.id, job.build_id)


def _download_ticket(site: Site, request: Request) -> Caller:
    parameters = request.parameters
    subject = f"{parameters['id']} {parameters['until']}"
    if not site.plane.tokens.is_ticket(parameters["ticket"], ARTIFACT_TICKET_PURPOSE, subject):
        raise HttpError(404, "No artifact found")
    if int(parameters["until"]) < time.time():
        raise HttpError(403, "this URL has expired; request a new one")
    return Caller("")


ANYONE = Rule("no token", _anyone)
REGISTRATION = Rule("the token that registers agents", _registration)
SESSION = Rule("a session, until it ends", _session)
PAST_SESSION = Rule("a session, also when it has ended: a repeated disconnect is no error", _past_session)
READER = Rule("any session, any job while it runs", _reader)
OWN_JOB = Rule("the job itself, also when it has ended: so an agent learns that it has", _own_job)
OWN_LOG = Rule("the job itself, until a minute after its end", _own_log)
RUNNING_JOB = Rule("the job itself, while it runs", _running_job)
JOB_OF_OWN_BUILD = Rule("a job of the same build, while it runs", _job_of_own_build)
OWN_BUILD = Rule("a job of the build, while it runs", _own_build)
STEP_OF_OWN_BUILD = Rule("a job of the step's build, while it runs", _step_of_own_build)
UPLOAD_TICKET = Rule("the URL that was given to the job, while it runs", _upload_ticket)
DOWNLOAD_TICKET = Rule("the URL that was given to a reader, for some hours", _download_ticket)


def fields(request: Request, role: str) -> Reader:
    """Return the fields of a JSON body; an empty body has none. Raises WireError or HttpError 400."""
    document = request.json()
    return Reader({} if document is None else document, role)


def whole(request: Request, name: str, low: int = 0) -> int:
    """Return a whole number of the query. Raises HttpError 400."""
    text = request.value(name)
    if not (is_whole(text, 15) and int(text) >= low):
        raise HttpError(400, f"{name} must be a whole number of at least {low}")
    return int(text)
