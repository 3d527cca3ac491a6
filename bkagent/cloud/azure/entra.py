"""Tokens from Microsoft Entra ID, for whoever can prove to be an application (a service principal)."""

from __future__ import annotations

from typing import Mapping

from bkagent.cloud.azure.token_source import TokenRequest, ask
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

_PUBLIC_CLOUD = "https://login.microsoftonline.com/"


def token_endpoint(environ: Mapping[str, str], tenant: str) -> str:
    """Return where a tenant's tokens come from. Raises ConfigError for an invalid tenant or authority."""
    authority = environ.get("AZURE_AUTHORITY_HOST") or _PUBLIC_CLOUD
    if not authority.lower().startswith("https://"):
        raise ConfigError(f'AZURE_AUTHORITY_HOST must be an https:// URL, not "{authority}"')
    if not all(letter.isascii() and (letter.isalnum() or letter in ".-") for letter in tenant):
        raise ConfigError(f'AZURE_TENANT_ID must be the ID or the domain of a tenant, not "{tenant}"')
    return f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"


def request_token(request: TokenRequest, tenant: str, client_id: str, proof: Mapping[str, str]) -> Expiring[Secret]:
    """Return a token by the client credentials grant (RFC 6749 section 4.4); `proof` is a secret or an assertion.

    Raises as `ask` does.
    """
    form = {"grant_type": "client_credentials", "client_id": client_id, "scope": request.scope, **proof}
    endpoint = token_endpoint(request.context.environ, tenant)
    return ask(request.context, "POST", endpoint, {}, form, what="Microsoft Entra ID")


def assertion_proof(assertion: str) -> Mapping[str, str]:
    """Return the proof by a signed assertion (RFC 7523 section 2.2)."""
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
    }
