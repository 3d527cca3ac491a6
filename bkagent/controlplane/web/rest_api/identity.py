"""The token, its user and organization, and the roots of the API."""

from __future__ import annotations

import time
from typing import Optional

from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.web.context import Route, Site
from bkagent.controlplane.web.rest_api import access, forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request


def access_token(site: Site, request: Request) -> Answer:
    """Describe the token of the request."""
    token = access.token_of(site, request)
    document = {
        "uuid": token.id, "scopes": list(token.scopes), "description": token.name,
        "created_at": _date(token.created_at), "expires_at": _date(token.expires_at),
        "user": {"name": token.owner.name, "email": token.owner.email},
    }  # fmt: skip
    return json_answer(200, document)


def revoke(site: Site, request: Request) -> Answer:
    """Make the token of the request invalid."""
    try:
        site.plane.api_tokens.revoke(access.token_of(site, request).id)
    except OSError as problem:
        raise PlaneError(f"cannot revoke the token: {problem.strerror or problem}") from problem
    return Answer(204)


def user(site: Site, request: Request) -> Answer:
    """Describe the owner of the token of the request."""
    return json_answer(200, forms.person(access.token_of(site, request).owner))


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


def _date(moment: float) -> Optional[str]:
    """Return a date in the form that only this part of the API has."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(moment)) if moment else None


OPEN_ROUTES: "tuple[Route, ...]" = (("GET", "/v2", root), ("GET", "/v2/meta", meta))
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", "/v2/access-token", access_token, ""),
    ("DELETE", "/v2/access-token", revoke, ""),
    ("GET", "/v2/user", user, "read_user"),
    ("GET", "/v2/organizations", organizations, "read_organizations"),
    ("GET", "/v2/organizations/{org}", organization, "read_organizations"),
    ("GET", "/v2/organizations/{org}/emojis", emojis, ""),
)
