"""Managed identity: the machine or the hosting service vouches for what runs on it.

Which endpoint is asked follows from environment variables, by the rules of Microsoft's own library (MSAL):
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
https://learn.microsoft.com/azure/app-service/overview-managed-identity
"""

from __future__ import annotations

from typing import Mapping
from urllib.parse import urlencode

from bkagent.cloud.azure import arc
from bkagent.cloud.azure.token_source import CredentialUnavailable, TokenRequest, ask
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError, Refused, Unavailable, Unreachable, WireError

_IMDS = "http://169.254.169.254/metadata/identity/oauth2/token"
_IMDS_NAME = "the instance metadata service (169.254.169.254)"
_PROBE_S = 1.0
# What the page on virtual machines, section "Error handling", has beside 429 and 5xx.
_RETRIED_BY_IMDS = (404, 410)


def fetch(request: TokenRequest) -> Expiring[Secret]:
    """Return a token of the identity of AZURE_CLIENT_ID, or of the system's own without it.

    Raises CredentialUnavailable where nothing vouches for this machine, and as `ask`.
    """
    environ = request.context.environ
    endpoint, header = environ.get("IDENTITY_ENDPOINT"), environ.get("IDENTITY_HEADER")
    if endpoint and header:
        if environ.get("IDENTITY_SERVER_THUMBPRINT"):
            raise CredentialUnavailable("managed identity of Service Fabric is not supported")
        return _from_app_service(request, endpoint, header)
    if environ.get("MSI_ENDPOINT"):
        return _from_older_endpoint(request, environ["MSI_ENDPOINT"], environ.get("MSI_SECRET", ""))
    if arc.is_configured(environ):
        _refuse_client_id(environ, "Azure Arc")
        return arc.fetch(request)
    return _from_virtual_machine(request)


def _from_app_service(request: TokenRequest, endpoint: str, header: str) -> Expiring[Secret]:
    query = {"api-version": "2019-08-01", "resource": request.resource, **_identity(request, "client_id")}
    headers = {"X-IDENTITY-HEADER": header}
    return ask(request.context, "GET", _with_query(endpoint, query), headers, what="the identity endpoint")


def _from_older_endpoint(request: TokenRequest, endpoint: str, secret: str) -> Expiring[Secret]:
    """Azure Machine Learning gives a secret beside the endpoint; Cloud Shell does not."""
    if not secret:
        _refuse_client_id(request.context.environ, "Cloud Shell")
        form = {"resource": request.resource}
        return ask(request.context, "POST", endpoint, {"Metadata": "true"}, form, what="Cloud Shell")
    default = request.context.environ.get("DEFAULT_IDENTITY_CLIENT_ID", "")
    query = {"api-version": "2017-09-01", "resource": request.resource, "clientid": default}
    query.update(_identity(request, "clientid"))
    return ask(request.context, "GET", _with_query(endpoint, query), {"secret": secret}, what="the identity endpoint")


def _from_virtual_machine(request: TokenRequest) -> Expiring[Secret]:
    if not request.alone:
        _probe(request)
    query = {"api-version": "2018-02-01", "resource": request.resource, **_identity(request, "client_id")}
    try:
        return ask(
            request.context, "GET", _with_query(_IMDS, query), {"Metadata": "true"}, what=_IMDS_NAME,
            also_retried=_RETRIED_BY_IMDS,
        )  # fmt: skip
    except Refused as problem:
        # 400: the machine has no identity. 403: what answers is a proxy (Docker Desktop's, for one).
        if request.alone or (problem.status == 400 and _identity(request, "")):
            raise
        raise CredentialUnavailable(str(problem)) from problem
    except Unavailable as problem:
        # Other clouds have a service at this address, too, which knows nothing of the path.
        if request.alone or problem.status not in _RETRIED_BY_IMDS:
            raise
        raise CredentialUnavailable(str(problem)) from problem
    except WireError as problem:
        if request.alone:
            raise
        raise CredentialUnavailable(str(problem)) from problem


def _probe(request: TokenRequest) -> None:
    """Raise CredentialUnavailable unless something answers soon: elsewhere than in Azure nobody has the address.

    A request without the header `Metadata` is refused by the service, which is answer enough.
    """
    try:
        request.context.pool.request_url(
            "GET", _IMDS, {"User-Agent": request.context.user_agent}, timeout_s=_PROBE_S, follow_redirects=False
        )
    except Unreachable as problem:
        raise CredentialUnavailable(f"{_IMDS_NAME} does not answer: this is no machine in Azure") from problem


def _identity(request: TokenRequest, name: str) -> Mapping[str, str]:
    client_id = request.context.environ.get("AZURE_CLIENT_ID")
    return {name: client_id} if client_id else {}


def _refuse_client_id(environ: Mapping[str, str], host: str) -> None:
    if environ.get("AZURE_CLIENT_ID"):
        raise CredentialUnavailable(f"{host} has one identity only, which AZURE_CLIENT_ID cannot choose: unset it")


def _with_query(endpoint: str, query: Mapping[str, str]) -> str:
    if not endpoint.lower().startswith(("http://", "https://")):
        raise ConfigError(f'IDENTITY_ENDPOINT or MSI_ENDPOINT must be an http:// or https:// URL, not "{endpoint}"')
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
