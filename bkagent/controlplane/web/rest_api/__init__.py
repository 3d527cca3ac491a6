"""The REST API: builds, jobs, logs, artifacts and agents for scripts and people's tools."""

from bkagent.controlplane.web import context
from bkagent.controlplane.web.rest_api import (
    agents,
    answer_headers,
    artifacts,
    builds,
    clusters,
    identity,
    jobs,
    logs,
    pipelines,
)
from bkagent.controlplane.web.rest_api import annotations as annotation_routes
from bkagent.controlplane.web.rest_api.access import needing
from bkagent.transport.server.routing import Router

_MODULES = (identity, pipelines, builds, jobs, logs, artifacts, annotation_routes, agents, clusters)


def install(router: Router, site: context.Site) -> None:
    """Add every route of the REST API to the router."""
    open_routes = [
        (method, pattern, answer_headers.telling(handler)) for method, pattern, handler in identity.OPEN_ROUTES
    ]
    context.install(router, site, open_routes)
    for module in _MODULES:
        for method, pattern, handler, scope in module.ROUTES:
            context.install(router, site, ((method, pattern, answer_headers.telling(handler)),), needing(scope))
