"""The REST API: builds, jobs, logs, artifacts and agents for scripts and people's tools."""

from bkagent.controlplane.web import context as site_module
from bkagent.controlplane.web.rest_api import agents, artifacts, builds, identity, jobs, logs, pipelines
from bkagent.controlplane.web.rest_api import annotations as notes
from bkagent.controlplane.web.rest_api.access import authorized
from bkagent.transport.routing import Router

_MODULES = (identity, pipelines, builds, jobs, logs, artifacts, notes, agents)


def install(router: Router, site: site_module.Site) -> None:
    """Add every route of the REST API to the router."""
    site_module.install(router, site, identity.OPEN_ROUTES)
    for module in _MODULES:
        site_module.install(router, site, module.ROUTES, authorized)
