"""Workload identity of Kubernetes: a service account's token, kept fresh in a file, is exchanged for one of Entra."""

from __future__ import annotations

from bkagent.cloud.azure import entra
from bkagent.cloud.azure.token_source import TokenRequest
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

_VARIABLE = "AZURE_FEDERATED_TOKEN_FILE"
_LARGEST_BYTES = 64 * 1024


def fetch(request: TokenRequest) -> Expiring[Secret]:
    """Return a token; the file is read each time, since Kubernetes replaces it.

    Raises CredentialUnavailable without the variables, ConfigError for an unreadable file, and as
    `entra.request_token`.
    """
    client_id, path, tenant = (request.variable(name) for name in ("AZURE_CLIENT_ID", _VARIABLE, "AZURE_TENANT_ID"))
    try:
        with open(path, encoding="ascii") as file:
            assertion = file.read(_LARGEST_BYTES).strip()
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not ASCII text"
        raise ConfigError(f"the file {path}, which {_VARIABLE} names, cannot be read: {reason}") from problem
    if not assertion:
        raise ConfigError(f"the file {path}, which {_VARIABLE} names, is empty; it must hold a token")
    return entra.request_token(request, tenant, client_id, entra.assertion_proof(assertion))
