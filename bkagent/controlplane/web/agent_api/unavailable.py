"""Calls of the Agent API that this control plane does not support; the answer's message reaches the job's log."""

from __future__ import annotations

from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError


def secrets(site: Site, request: Request, caller: Caller) -> Answer:
    """Refuse secrets."""
    raise HttpError(404, "secrets are not supported by this control plane; provide them in the agent's hooks")


def oidc(site: Site, request: Request, caller: Caller) -> Answer:
    """Refuse identity tokens."""
    raise HttpError(404, "OIDC tokens are not supported by this control plane")


def repository_token(site: Site, request: Request, caller: Caller) -> Answer:
    """Refuse tokens of a code host."""
    raise HttpError(404, "repository access tokens are not supported by this control plane")


def cache(site: Site, request: Request, caller: Caller) -> Answer:
    """Answer as for an unknown cache registry."""
    raise HttpError(404, "Cache registry not found")
