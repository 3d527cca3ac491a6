"""The REST API: builds, jobs, logs, artifacts and agents for scripts and people's tools."""

from bkagent.controlplane.web import context
from bkagent.controlplane.web.rest_api import (
    agents,
    artifacts,
    builds,
    clusters,
    identity,
    jobs,
    logs,
    pipelines,
    rate_limit,
)
from bkagent.controlplane.web.rest_api import annotations as annotation_routes
from bkagent.controlplane.web.rest_api.access import needing
from bkagent.transport.routing import Router

_MODULES = (identity, pipelines, builds, jobs, logs, artifacts, annotation_routes, agents, clusters)


def install(router: Router, site: context.Site) -> None:
    """Add every route of the REST API to the router."""
    context.install(router, site, identity.OPEN_ROUTES)
    for module in _MODULES:
        for method, pattern, handler, scope in module.ROUTES:
            context.install(router, site, ((method, pattern, rate_limit.telling(handler)),), needing(scope))
