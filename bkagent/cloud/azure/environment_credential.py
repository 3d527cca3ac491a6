"""A service principal named by environment variables, with a client secret or a certificate."""

from __future__ import annotations

from bkagent.cloud.azure import client_certificate, entra
from bkagent.cloud.azure.token_source import CredentialUnavailable, TokenRequest
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret


def fetch(request: TokenRequest) -> Expiring[Secret]:
    """Return a token. Raises CredentialUnavailable where the variables are incomplete, and as `entra.request_token`."""
    tenant, client_id = request.variable("AZURE_TENANT_ID"), request.variable("AZURE_CLIENT_ID")
    environ = request.context.environ
    secret = environ.get("AZURE_CLIENT_SECRET")
    if secret:
        return entra.request_token(request, tenant, client_id, {"client_secret": secret})
    certificate = environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if certificate:
        endpoint = entra.token_endpoint(environ, tenant)
        assertion = client_certificate.assertion(request.context, certificate, client_id, endpoint)
        return entra.request_token(request, tenant, client_id, entra.assertion_proof(assertion))
    if environ.get("AZURE_USERNAME"):
        raise CredentialUnavailable(
            "signing in as the user of AZURE_USERNAME is not supported, since most users must confirm it in a browser; "
            "set AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH of a service principal"
        )
    raise CredentialUnavailable("neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is set")
