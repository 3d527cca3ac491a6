"""The token, its user and organization, and the roots of the API."""

from __future__ import annotations

import hashlib
import time
import uuid

from bkagent.controlplane.web.context import Route, Site
from bkagent.controlplane.web.rest_api import forms
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request

# The only API token of this server has every scope that the server supports.
SCOPES = (
    "read_agents", "write_agents", "read_pipelines", "write_pipelines", "read_builds", "write_builds", "read_job_env",
    "read_build_logs", "write_build_logs", "read_artifacts", "write_artifacts", "read_organizations", "read_user",
)  # fmt: skip
_NAME = "bkagent"


def token_id(site: Site) -> str:
    """Return an id for the API token that reveals nothing of it."""
    return str(uuid.UUID(hashlib.sha256(b"id of " + site.plane.tokens.api.encode()).hexdigest()[:32]))


def access_token(site: Site, request: Request) -> Answer:
    """Describe the token."""
    document = {
        "uuid": token_id(site), "scopes": list(SCOPES), "description": "The token of this control plane",
        "created_at": None, "expires_at": None, "user": {"name": _NAME, "email": ""},
    }  # fmt: skip
    return json_answer(200, document)


def user(site: Site, request: Request) -> Answer:
    """Describe the token's owner."""
    id = token_id(site)
    return json_answer(200, {**(forms.user(_NAME) or {}), "id": id, "graphql_id": forms.graphql_id("User", id)})


def organizations(site: Site, request: Request) -> Answer:
    """List the organization."""
    return json_answer(200, [forms.organization(site, site.base_url(request))])


def organization(site: Site, request: Request) -> Answer:
    """Describe the organization."""
    return json_answer(200, forms.organization(site, site.base_url(request)))


def emojis(site: Site, request: Request) -> Answer:
    """List the organization's own emojis: there are none."""
    return json_answer(200, [])


def meta(site: Site, request: Request) -> Answer:
    """Return the addresses that webhooks come from: there are no webhooks."""
    return json_answer(200, {"webhook_ips": []})


def root(site: Site, request: Request) -> Answer:
    """Say that this is the REST API."""
    return json_answer(200, {"message": "\U0001f6e0", "timestamp": int(time.time())})


OPEN_ROUTES: "tuple[Route, ...]" = (("GET", "/v2", root), ("GET", "/v2/meta", meta))
ROUTES: "tuple[Route, ...]" = (
    ("GET", "/v2/access-token", access_token),
    ("GET", "/v2/user", user),
    ("GET", "/v2/organizations", organizations),
    ("GET", "/v2/organizations/{org}", organization),
    ("GET", "/v2/organizations/{org}/emojis", emojis),
)
