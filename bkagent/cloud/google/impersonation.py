"""A service account that another credential may act as: IAM gives it a token of that account.

https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable, Dict, Tuple

from bkagent.cloud.google.configuration import Configuration, Fetch
from bkagent.cloud.google.endpoint import checked_url, encode_json, server_time_s
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_object, read_secret
from bkagent.cloud.token_endpoint import ask
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError, WireError
from bkagent.wire.timestamps import moment_of

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext

KIND = "impersonated_service_account"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_LIFETIME_S = 3600


@dataclass(frozen=True)
class Impersonation:
    """url      the account's generateAccessToken
    delegates  accounts in between, each of which may act as the next one
    """

    context: CloudContext
    url: str
    scopes: Tuple[str, ...]
    delegates: Tuple[str, ...] = ()
    lifetime_s: int = _LIFETIME_S

    def source(self, fetch_caller: Fetch) -> Fetch:
        """Return what fetches tokens of the account, by the tokens of the one that acts as it."""

        def fetch() -> Expiring[Secret]:
            headers = {
                "Content-Type": "application/json",
                "Authorization": f"Bearer {fetch_caller().content.reveal()}",
            }
            response = ask(self.context, "POST", self.url, headers, encode_json(self._document()))
            reader = read_object(response.body, self.url)
            expires_s = moment_of(reader.text("expireTime"))
            if expires_s is None:
                raise WireError(f"{self.url}: expireTime must be a time by RFC 3339")
            now_s = self.context.now()
            lifetime_s = expires_s - server_time_s(response, now_s)
            return Expiring(read_secret(reader, "accessToken", self.url), now_s + lifetime_s)

        return fetch

    def _document(self) -> Dict[str, object]:
        document: Dict[str, object] = {"lifetime": f"{self.lifetime_s}s", "scope": list(self.scopes)}
        if self.delegates:
            document["delegates"] = list(self.delegates)
        return document


def open_source(configuration: Configuration, open_any: Callable[[Configuration], Fetch]) -> Fetch:
    """Return what fetches tokens of the account that the file names; `open_any` opens the credential inside it.

    Raises ConfigError and WireError for what the file lacks.
    """
    fields = configuration.fields
    url = checked_url(
        fields.text("service_account_impersonation_url"), f"{configuration.where}: service_account_impersonation_url"
    )
    caller = configuration.nested("source_credentials")
    if caller.fields.text("type") == KIND:
        raise ConfigError(f"{configuration.where}: source_credentials must not be an {KIND} itself; use delegates")
    fetch_caller = open_any(replace(caller, scopes=(CLOUD_PLATFORM,)))
    return Impersonation(configuration.context, url, configuration.scopes, fields.texts("delegates")).source(
        fetch_caller
    )
