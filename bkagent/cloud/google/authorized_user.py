"""A person who has signed in before: the refresh token of that is exchanged for access tokens (RFC 6749 section 6).

`authorized_user` is written by `gcloud auth application-default login`, `external_account_authorized_user` by
`gcloud auth login` with a workforce pool.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Dict

from bkagent.cloud.google.configuration import Configuration, Fetch
from bkagent.cloud.google.endpoint import checked_url
from bkagent.cloud.google.service_account import TOKEN_URL
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_token
from bkagent.cloud.token_endpoint import ask
from bkagent.config.secret import Secret


def open_source(configuration: Configuration) -> Fetch:
    """Return what fetches tokens of a Google account. Raises WireError for what the file lacks."""
    fields = configuration.fields
    url = checked_url(fields.text("token_uri", "") or TOKEN_URL, f"{configuration.where}: token_uri")
    form = {
        "grant_type": "refresh_token", "refresh_token": fields.text("refresh_token"),
        "client_id": fields.text("client_id"), "client_secret": fields.text("client_secret"),
    }  # fmt: skip
    return _refresh(configuration, url, {}, form)


def open_workforce_source(configuration: Configuration) -> Fetch:
    """Return what fetches tokens of an identity of a workforce pool. Raises WireError for what the file lacks."""
    fields = configuration.fields
    url = checked_url(fields.text("token_url"), f"{configuration.where}: token_url")
    headers = {"Authorization": basic(fields.text("client_id"), fields.text("client_secret"))}
    return _refresh(
        configuration, url, headers, {"grant_type": "refresh_token", "refresh_token": fields.text("refresh_token")}
    )


def basic(user: str, password: str) -> str:
    """Return the header by which a client authenticates itself (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def _refresh(configuration: Configuration, url: str, headers: Dict[str, str], form: Dict[str, str]) -> Fetch:
    context = configuration.context

    def fetch() -> Expiring[Secret]:
        return read_token(ask(context, "POST", url, headers, form).body, url, context.now())

    return fetch
