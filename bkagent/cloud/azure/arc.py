"""Managed identity of a machine outside Azure that Azure Arc knows.

Its endpoint wants to see that the asker may read a file which only administrators and the group `himds` can:
https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication
"""

from __future__ import annotations

import os
from typing import Mapping
from urllib.parse import urlencode

from bkagent.cloud.azure.token_source import CredentialUnavailable, TokenRequest, ask
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, WireError
from bkagent.system.system_kind import ON_WINDOWS

_ENDPOINT = "http://127.0.0.1:40342/metadata/identity/oauth2/token"
_LARGEST_KEY_BYTES = 4096
_SILENCE_LIMIT_S = 30.0


def is_configured(environ: Mapping[str, str]) -> bool:
    """Return whether Azure Arc's agent is on this machine."""
    if environ.get("IDENTITY_ENDPOINT") and environ.get("IMDS_ENDPOINT"):
        return True
    return os.path.exists(_installed_program(environ))


def fetch(request: TokenRequest) -> Expiring[Secret]:
    """Return a token: the first answer names the file, whose content the second request proves to know.

    Raises CredentialUnavailable where the file cannot be read, WireError for an unexpected answer, and as `ask`.
    """
    context = request.context
    endpoint = context.environ.get("IDENTITY_ENDPOINT") or _ENDPOINT
    url = f"{endpoint}?{urlencode({'api-version': '2020-06-01', 'resource': request.resource})}"
    headers = {"Metadata": "true", "User-Agent": context.user_agent}
    response = context.pool.request_url("GET", url, headers, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False)
    if response.status != 401:
        raise WireError(f"Azure Arc's agent answered {response.status} where it should have named a key file")
    key = _key(response.headers.get("WWW-Authenticate") or "", _key_folder(context.environ))
    headers = {"Metadata": "true", "Authorization": f"Basic {key}"}
    return ask(context, "GET", url, headers, what="Azure Arc's agent")


def _key(challenge: str, folder: str) -> str:
    """Return the content of the file that a challenge names. It must lie where Arc's agent puts such files."""
    _, mark, path = challenge.partition("Basic realm=")
    path = path.strip().strip('"')
    if not mark or os.path.dirname(path) != folder or not path.endswith(".key"):
        raise WireError(f"Azure Arc's agent named a key file outside of {folder}, which is not read")
    try:
        with open(path, encoding="ascii") as file:
            key = file.read(_LARGEST_KEY_BYTES + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not ASCII text"
        raise CredentialUnavailable(
            f"the key file {path} of Azure Arc cannot be read ({reason}); the agent's user must be in the group himds"
        ) from problem
    if len(key) > _LARGEST_KEY_BYTES or not key.strip().isprintable():
        raise AgentError(f"the key file {path} of Azure Arc does not hold a key")
    return key.strip()


def _installed_program(environ: Mapping[str, str]) -> str:
    if ON_WINDOWS:
        return os.path.join(environ.get("ProgramData", ""), "AzureConnectedMachineAgent", "himds.exe")
    return "/opt/azcmagent/bin/himds"


def _key_folder(environ: Mapping[str, str]) -> str:
    if ON_WINDOWS:
        return os.path.join(environ.get("ProgramData", ""), "AzureConnectedMachineAgent", "Tokens")
    return "/var/opt/azcmagent/tokens"
