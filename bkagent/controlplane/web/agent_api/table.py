"""Every route of the Agent API in one table: the call, the token that it needs, what answers it."""

from __future__ import annotations

from typing import Callable, Tuple, Union

from bkagent.controlplane.records import Caller
from bkagent.controlplane.web import downloads
from bkagent.controlplane.web.agent_api import annotations as annotation_routes
from bkagent.controlplane.web.agent_api import (
    artifacts,
    jobs,
    logs,
    meta_data,
    pipelines,
    sessions,
    steps,
    unavailable,
    uploads,
)
from bkagent.controlplane.web.agent_api.access import (
    ANYONE,
    DOWNLOAD_TICKET,
    JOB_OF_OWN_BUILD,
    OWN_BUILD,
    OWN_JOB,
    OWN_LOG,
    PAST_SESSION,
    READER,
    REGISTRATION,
    RUNNING_JOB,
    SESSION,
    STEP_OF_OWN_BUILD,
    UPLOAD_TICKET,
    Rule,
)
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.routing import Router

Handler = Callable[[Site, Request, Caller], Union[Answer, Later]]

ROUTES: Tuple[Tuple[str, str, Rule, Handler], ...] = (
    ("GET", "/v3", ANYONE, sessions.root),
    ("POST", "/v3/register", REGISTRATION, sessions.register),
    ("GET", "/v3/token", REGISTRATION, sessions.token_identity),
    ("POST", "/v3/connect", SESSION, sessions.connect),
    ("POST", "/v3/disconnect", PAST_SESSION, sessions.disconnect),
    ("GET", "/v3/ping", SESSION, sessions.ping),
    ("POST", "/v3/heartbeat", SESSION, sessions.heartbeat),
    # These reach the agent that runs the calling job, and no other.
    ("POST", "/v3/stop", READER, sessions.stop),
    ("POST", "/v3/pause", READER, sessions.pause),
    ("POST", "/v3/resume", READER, sessions.resume),
    ("PUT", "/v3/jobs/{id}/accept", SESSION, jobs.accept),
    ("PUT", "/v3/jobs/{id}/acquire", SESSION, jobs.acquire),
    ("PUT", "/v3/jobs/{id}/start", OWN_JOB, jobs.start),
    ("PUT", "/v3/jobs/{id}/finish", OWN_JOB, jobs.finish),
    ("GET", "/v3/jobs/{id}", OWN_JOB, jobs.state),
    ("PUT", "/v3/jobs/{id}", OWN_JOB, jobs.update),
    ("PUT", "/v3/jobs/{id}/promise_failure", OWN_JOB, jobs.promise_failure),
    ("POST", "/v3/jobs/{id}/chunks", OWN_LOG, logs.chunk),
    ("POST", "/v3/jobs/{id}/header_times", OWN_LOG, logs.header_times),
    ("POST", "/v3/jobs/{id}/data/set", JOB_OF_OWN_BUILD, meta_data.set_one),
    ("POST", "/v3/jobs/{id}/data/set-batch", JOB_OF_OWN_BUILD, meta_data.set_batch),
    ("POST", "/v3/jobs/{id}/data/get", READER, meta_data.get),
    ("POST", "/v3/jobs/{id}/data/exists", READER, meta_data.exists),
    ("POST", "/v3/jobs/{id}/data/keys", READER, meta_data.keys),
    ("POST", "/v3/builds/{id}/data/get", READER, meta_data.get),
    ("POST", "/v3/builds/{id}/data/exists", READER, meta_data.exists),
    ("POST", "/v3/builds/{id}/data/keys", READER, meta_data.keys),
    ("POST", "/v3/jobs/{id}/annotations", JOB_OF_OWN_BUILD, annotation_routes.annotate),
    ("DELETE", "/v3/jobs/{id}/annotations/{context}", JOB_OF_OWN_BUILD, annotation_routes.remove),
    ("POST", "/v3/jobs/{id}/artifacts", RUNNING_JOB, artifacts.create),
    ("PUT", "/v3/jobs/{id}/artifacts", RUNNING_JOB, artifacts.update),
    ("GET", "/v3/builds/{id}/artifacts/search", READER, artifacts.search),
    ("POST", "/v3/jobs/{id}/pipelines", RUNNING_JOB, pipelines.upload),
    ("GET", "/v3/jobs/{id}/pipelines/{uuid}", OWN_JOB, pipelines.status),
    ("POST", "/v3/steps/{step}/export", READER, steps.export),
    ("PUT", "/v3/steps/{step}", STEP_OF_OWN_BUILD, steps.update),
    ("POST", "/v3/steps/{step}/cancel", STEP_OF_OWN_BUILD, steps.cancel_step),
    ("POST", "/v3/builds/{id}/cancel", OWN_BUILD, steps.cancel_build),
    ("GET", "/v3/jobs/{id}/secrets", RUNNING_JOB, unavailable.secrets),
    ("POST", "/v3/jobs/{id}/oidc/tokens", RUNNING_JOB, unavailable.oidc),
    ("POST", "/v3/jobs/{id}/repository_access_token", RUNNING_JOB, unavailable.repository_token),
    ("GET", "/v3/cache_registries/{registry}", READER, unavailable.cache),
    ("POST", "/v3/cache_registries/{registry}/{action}", READER, unavailable.cache),
    ("PUT", "/v3/cache_registries/{registry}/{action}", READER, unavailable.cache),
    ("POST", "/-/uploads/{id}/{ticket}", UPLOAD_TICKET, uploads.of_artifact),
    ("POST", "/-/uploads/{id}/{batch}/{ticket}", UPLOAD_TICKET, uploads.of_batch),
    ("GET", "/-/artifacts/{id}/{until}/{ticket}", DOWNLOAD_TICKET, downloads.download),
)


def install(router: Router, site: Site) -> None:
    """Add every route of the Agent API to the router, each behind its rule."""
    for method, pattern, rule, handler in ROUTES:
        router.add(method, pattern, _guard(site, rule, handler))


def _guard(site: Site, rule: Rule, handler: Handler) -> Callable[[Request], Union[Answer, Later]]:
    def answer(request: Request) -> Union[Answer, Later]:
        caller = rule.check(site, request)
        if rule is not ANYONE:
            request.vouch((caller.agent_id if caller.is_session else caller.job_id) or rule.name)
        # The job may end while a slow body arrives.
        request.after_body = lambda: rule.check(site, request)
        return handler(site, request, caller)

    return answer
