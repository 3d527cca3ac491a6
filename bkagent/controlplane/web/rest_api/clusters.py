"""The one cluster there is, and its queues: clients look up both before they create a pipeline."""

from __future__ import annotations

import uuid
from typing import Any, Dict, List

from bkagent.controlplane.api_tokens import OPERATOR
from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.scheduling.agent_tags import DEFAULT_QUEUE, queue_of
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request


def clusters(site: Site, request: Request) -> Answer:
    """List the cluster."""
    page = Page.of(request)
    return page.answer(site, request, page.cut([_cluster(site, request)]), 1)


def cluster(site: Site, request: Request) -> Answer:
    """Return the cluster."""
    _check_cluster(site, request)
    return json_answer(200, _cluster(site, request))


def queues(site: Site, request: Request) -> Answer:
    """List the default queue and those of the agents that are connected."""
    _check_cluster(site, request)
    page, keys = Page.of(request), _keys(site)
    return page.answer(site, request, [_queue(site, request, key) for key in page.cut(keys)], len(keys))


def queue(site: Site, request: Request) -> Answer:
    """Return one of the queues that are listed."""
    _check_cluster(site, request)
    for key in _keys(site):
        if queue_id(site, key) == request.parameters["queue"]:
            return json_answer(200, _queue(site, request, key))
    raise NotFound("No cluster queue found")


def _check_cluster(site: Site, request: Request) -> None:
    if request.parameters["cluster"] != forms.cluster_id(site):
        raise NotFound("No cluster found")


def _keys(site: Site) -> List[str]:
    others = {queue_of(agent.meta_data) for agent in site.plane.sessions.find()} - {DEFAULT_QUEUE}
    return [DEFAULT_QUEUE, *sorted(others)]


def queue_id(site: Site, key: str) -> str:
    """Return the id of a queue, the same at each start."""
    return str(uuid.uuid5(forms.NAME_SPACE, f"{site.plane.organization}/{key}"))


def _cluster(site: Site, request: Request) -> Dict[str, Any]:
    id, url, default_id = (
        forms.cluster_id(site),
        forms.cluster_url(site, site.base_url(request)),
        queue_id(site, DEFAULT_QUEUE),
    )
    return {
        "id": id, "graphql_id": forms.graphql_id("Cluster", id), "default_queue_id": default_id,
        "name": site.plane.organization, "description": None, "emoji": None, "color": None,
        "maintainers": {"users": [], "teams": []}, "url": url, "web_url": f"{site.base_url(request)}/-/agents",
        "queues_url": f"{url}/queues", "default_queue_url": f"{url}/queues/{default_id}", "created_at": None,
        "created_by": forms.person(OPERATOR),
    }  # fmt: skip


def _queue(site: Site, request: Request, key: str) -> Dict[str, Any]:
    id, cluster_url = queue_id(site, key), forms.cluster_url(site, site.base_url(request))
    return {
        "id": id, "graphql_id": forms.graphql_id("ClusterQueue", id), "key": key, "description": None,
        "url": f"{cluster_url}/queues/{id}", "web_url": f"{site.base_url(request)}/-/agents",
        "cluster_url": cluster_url, "retry_agent_affinity": "prefer-warmest", "dispatch_paused": False,
        "dispatch_paused_by": None, "dispatch_paused_at": None, "dispatch_paused_note": None, "created_at": None,
        "created_by": forms.person(OPERATOR),
    }  # fmt: skip


_ALL = "/v2/organizations/{org}/clusters"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", _ALL, clusters, "read_clusters"),
    ("GET", _ALL + "/{cluster}", cluster, "read_clusters"),
    ("GET", _ALL + "/{cluster}/queues", queues, "read_clusters"),
    ("GET", _ALL + "/{cluster}/queues/{queue}", queue, "read_clusters"),
)
