"""What the Agent API has elsewhere and not here: each answer says so in words that reach the job's log."""

from __future__ import annotations

from bkagent.controlplane.agent_api import access
from bkagent.controlplane.site import Route, Site
from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError


def secrets(site: Site, request: Request) -> Answer:
    """Secrets."""
    access.any_job(site, request)
    raise HttpError(404, "this control plane keeps no secrets; give them to the agent's hooks instead")


def oidc(site: Site, request: Request) -> Answer:
    """Identity tokens."""
    access.any_job(site, request)
    raise HttpError(404, "this control plane issues no OIDC tokens")


def repository_token(site: Site, request: Request) -> Answer:
    """Tokens of a code host."""
    access.any_job(site, request)
    raise HttpError(404, "this control plane knows no code host that could give a token")


def cache(site: Site, request: Request) -> Answer:
    """Cache registries."""
    access.caller(site, request)
    raise HttpError(404, "Cache registry not found")


ROUTES: "tuple[Route, ...]" = (
    ("GET", "/v3/jobs/{id}/secrets", secrets),
    ("POST", "/v3/jobs/{id}/oidc/tokens", oidc),
    ("POST", "/v3/jobs/{id}/repository_access_token", repository_token),
    ("GET", "/v3/cache_registries/{registry}", cache),
    ("POST", "/v3/cache_registries/{registry}/{action}", cache),
    ("PUT", "/v3/cache_registries/{registry}/{action}", cache),
)
