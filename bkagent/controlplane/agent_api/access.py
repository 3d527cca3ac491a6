"""Who calls: the token of the Authorization header, and the fields of a body."""

from __future__ import annotations

from bkagent.controlplane.records import Caller, Job
from bkagent.controlplane.site import Site
from bkagent.controlplane.tokens import SESSION_PREFIX
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError
from bkagent.wire.reader import Reader


def token(request: Request) -> str:
    """Return the token of `Authorization: Token ...`. Raises HttpError 401."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "token" or not text.strip():
        raise HttpError(401, "an Authorization header with a token is required")
    return text.strip()


def session(site: Site, request: Request) -> str:
    """Return the agent whose session calls. Raises Unauthorized for any other token, a job's too."""
    text = token(request)
    caller = site.plane.caller(text)
    if caller.job_id:
        raise HttpError(401, "this takes the token of an agent's session, not a job's")
    return caller.agent_id


def ended_session(site: Site, request: Request) -> str:
    """Return the agent whose session calls, also after it has ended: a repeated goodbye is no error."""
    text = token(request)
    agent_id = site.plane.tokens.owner(SESSION_PREFIX, text)
    if not agent_id or not site.plane.tokens.is_session(text, agent_id):
        raise HttpError(401, "the token is not valid")
    return agent_id


def caller(site: Site, request: Request) -> Caller:
    """Return whose token it is, a session's or a job's. Raises Unauthorized."""
    return site.plane.caller(token(request))


def own_job(site: Site, request: Request) -> Job:
    """Return the job of the path, for a call about its own run. Raises Unauthorized, Forbidden or NotFound."""
    return site.plane.job_caller(token(request), request.parameters["id"])


def any_job(site: Site, request: Request) -> Job:
    """Return the job of the path, for calls that any job's token may make. Raises Unauthorized or NotFound."""
    caller(site, request)
    return site.plane.job(request.parameters["id"])


def fields(request: Request, what: str) -> Reader:
    """Return the fields of a JSON body; an empty body has none. Raises WireError or HttpError 400."""
    document = request.json()
    return Reader({} if document is None else document, what)


def whole(request: Request, name: str, low: int = 0) -> int:
    """Return a whole number of the query. Raises HttpError 400."""
    text = request.value(name)
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text) >= low):
        raise HttpError(400, f"{name} must be a whole number of at least {low}")
    return int(text)
