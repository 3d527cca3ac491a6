"""What the Agent API has elsewhere and not here: each answer says so in words that reach the job's log."""

from __future__ import annotations

from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.context import Site
from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError


def secrets(site: Site, request: Request, caller: Caller) -> Answer:
    """Secrets."""
    raise HttpError(404, "this control plane keeps no secrets; give them to the agent's hooks instead")


def oidc(site: Site, request: Request, caller: Caller) -> Answer:
    """Identity tokens."""
    raise HttpError(404, "this control plane issues no OIDC tokens")


def repository_token(site: Site, request: Request, caller: Caller) -> Answer:
    """Tokens of a code host."""
    raise HttpError(404, "this control plane knows no code host that could give a token")


def cache(site: Site, request: Request, caller: Caller) -> Answer:
    """Cache registries."""
    raise HttpError(404, "Cache registry not found")
