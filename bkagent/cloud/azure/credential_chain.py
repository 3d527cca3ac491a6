"""The sources of access tokens, in the order in which they are tried, and one token for many threads.

Order, names and groups are those of DefaultAzureCredential in the Go module azidentity 1.14:
https://pkg.go.dev/github.com/Azure/azure-sdk-for-go/sdk/azidentity#DefaultAzureCredential
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Mapping, Optional, Tuple

from bkagent.cloud.azure import environment_credential, managed_identity, signed_in_tools, workload_identity
from bkagent.cloud.azure.token_source import CredentialUnavailable, TokenRequest, TokenSource
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.renewal import Expiring, Renewal
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, Cancelled, ConfigError, Unreachable

VARIABLE = "AZURE_TOKEN_CREDENTIALS"
_NEED_A_BROWSER = ("InteractiveBrowserCredential", "DeviceCodeCredential", "VisualStudioCodeCredential")


@dataclass(frozen=True)
class SourceRow:
    """A source: its name in AZURE_TOKEN_CREDENTIALS, and the group that it can be selected with."""

    name: str
    group: str
    fetch: TokenSource


SOURCES = (
    SourceRow("EnvironmentCredential", "prod", environment_credential.fetch),
    SourceRow("WorkloadIdentityCredential", "prod", workload_identity.fetch),
    SourceRow("ManagedIdentityCredential", "prod", managed_identity.fetch),
    SourceRow("AzureCLICredential", "dev", signed_in_tools.fetch_by_azure_cli),
    SourceRow("AzureDeveloperCLICredential", "dev", signed_in_tools.fetch_by_developer_cli),
    SourceRow("AzurePowerShellCredential", "dev", signed_in_tools.fetch_by_powershell),
)


def selected_sources(environ: Mapping[str, str]) -> Tuple[SourceRow, ...]:
    """Return the sources that AZURE_TOKEN_CREDENTIALS selects, all without it. Raises ConfigError."""
    word = environ.get(VARIABLE)
    if word is None:
        return SOURCES
    rows = tuple(row for row in SOURCES if word == row.group or word.lower() == row.name.lower())
    if rows:
        return rows
    if word.lower() in (name.lower() for name in _NEED_A_BROWSER):
        raise ConfigError(f"{VARIABLE}: {word} needs a person with a browser, which an agent does not have")
    names = ", ".join(row.name for row in SOURCES)
    raise ConfigError(f'{VARIABLE} must be "dev", "prod" or one of {names}, not "{word}"')


class TokenChain:
    """Tries the sources until one has a token, and stays with that one."""

    def __init__(self, context: CloudContext, resource: str) -> None:
        """Ask for nothing yet. Raises ConfigError for an invalid selection."""
        self._rows = selected_sources(context.environ)
        self._request = TokenRequest(context, resource, alone=len(self._rows) == 1)
        self._chosen: Optional[SourceRow] = None

    def fetch(self) -> Expiring[Secret]:
        """Return a new token.

        Raises AgentError: what a source that is set up failed with, or what each one lacks; Unreachable where the
        endpoint of a source may answer later; Cancelled.
        """
        if self._chosen is not None:
            return self._chosen.fetch(self._request)
        lacks: List[str] = []
        for row in self._rows:
            try:
                token = row.fetch(self._request)
            except CredentialUnavailable as problem:
                lacks.append(f"{row.name}: {problem}")
                continue
            except Cancelled:
                raise
            except Unreachable as problem:
                raise Unreachable(f"{row.name}: {problem}", problem.may_retry) from problem
            except AgentError as problem:
                raise AgentError(f"{row.name}: {problem}") from problem
            self._request.context.report("debug", f"Azure access tokens come from {row.name}")
            self._chosen = row
            return token
        raise AgentError(f"there are no credentials for Azure ({'; '.join(lacks)})")


def open_tokens(context: CloudContext, resource: str) -> Renewal[Secret]:
    """Return the token for a resource, renewed before it expires. Raises ConfigError for an invalid selection."""
    chain = TokenChain(context, resource)
    return Renewal(chain.fetch, context.now, context.report, what="access token of Azure")
