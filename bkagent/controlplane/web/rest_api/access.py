"""Access to the REST API, and the objects that its paths name."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

from bkagent.controlplane.api_tokens import KIND_API, ApiToken
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.records import Build, Job
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.digits import is_whole

# The reference service's sentence.
_NO_TOKEN = (
    "Authentication required. Please supply a valid API Access Token: "
    "https://buildkite.com/docs/apis/rest-api#authentication"
)
# Method, pattern, what answers, and the scope that it needs of the token; "" for none.
RestRoute = Tuple[str, str, Callable[[Site, Request], Answer], str]


def token_of(site: Site, request: Request) -> ApiToken:
    """Return the token of the request. Raises HttpError 401 where it has none that is valid."""
    scheme, secret = request.authorization()
    token = site.plane.api_tokens.by_secret(secret, KIND_API) if scheme == "bearer" else None
    if token is None:
        raise HttpError(401, _NO_TOKEN)
    return token


def needing(scope: str) -> Callable[[Site, Request], None]:
    """Return the check of a route that needs a scope. The check raises HttpError 401, 403 or 404."""

    def check(site: Site, request: Request) -> None:
        token = token_of(site, request)
        request.vouch("the REST API")
        if scope and scope not in token.scopes:
            raise HttpError(403, f"Your access token doesn't have the {scope} scope")
        if request.parameters.get("org", site.plane.organization) != site.plane.organization:
            raise HttpError(404, "No organization found")

    return check


def body(request: Request) -> Dict[str, Any]:
    """Return the object of a JSON body, {} for an empty body, whatever its content type. Raises HttpError 400."""
    document = request.json()
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise HttpError(400, "the body must be a JSON object")
    return document


def build_of(site: Site, request: Request) -> Build:
    """Return the build that the path names by pipeline and number (or id). Raises NotFound."""
    number = request.parameters["number"]
    if is_whole(number, 15):
        return site.plane.builds.by_number(request.parameters["pipeline"], int(number))
    build = site.plane.builds.get(number)
    if build.pipeline_slug != request.parameters["pipeline"]:
        raise NotFound("No build found")
    return build


def job_of(site: Site, request: Request) -> Job:
    """Return the job that the path names, inside the path's build where it names one. Raises NotFound."""
    job = site.plane.jobs.get(request.parameters["job"])
    if "number" in request.parameters and build_of(site, request).id != job.build_id:
        raise NotFound("No job found")
    return job


def flag(request: Request, name: str, default: bool = False) -> bool:
    """Return a true or false of the query."""
    text = request.value(name)
    return text.lower() in ("true", "1") if text else default


def both(
    method: str, rest: str, handler: Callable[[Site, Request], Answer], scope: str
) -> "tuple[RestRoute, RestRoute]":
    """Return the two routes that every call about a job has: inside its build, and by the job alone."""
    build = "/v2/organizations/{org}/pipelines/{pipeline}/builds/{number}/jobs/{job}"
    return (
        (method, build + rest, handler, scope),
        (method, "/v2/organizations/{org}/jobs/{job}" + rest, handler, scope),
    )
