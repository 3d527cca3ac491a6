"""An identity of another provider (workload or workforce identity federation): its token is exchanged at Google's STS.

https://google.aip.dev/auth/4117 and RFC 8693.
"""

from __future__ import annotations

from typing import Dict, Tuple

from bkagent.cloud.google import subject_tokens
from bkagent.cloud.google.authorized_user import basic
from bkagent.cloud.google.configuration import Configuration, Fetch
from bkagent.cloud.google.endpoint import checked_url, encode_json
from bkagent.cloud.google.impersonation import CLOUD_PLATFORM, Impersonation
from bkagent.cloud.google.subject import FetchSubject, Subject
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_token
from bkagent.cloud.token_endpoint import ask
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

_TOKEN_URL = "https://sts.{universe}/v1/token"
_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_LIFETIMES_S = (600, 43200)


class _Exchange:
    """Exchanges tokens of the other provider."""

    def __init__(self, configuration: Configuration, subject: Subject, fetch_subject: FetchSubject) -> None:
        fields, where = configuration.fields, configuration.where
        universe = fields.text("universe_domain", "") or "googleapis.com"
        url = fields.text("token_url", "") or _TOKEN_URL.format(universe=universe)
        self._context, self._url = configuration.context, checked_url(url, f"{where}: token_url")
        self._subject, self._fetch_subject = subject, fetch_subject
        self._client_id, self._client_secret = fields.text("client_id", ""), fields.text("client_secret", "")
        self._project = fields.text("workforce_pool_user_project", "")
        if self._project and "/workforcePools/" not in subject.audience:
            raise ConfigError(f"{where}: workforce_pool_user_project belongs to the audience of a workforce pool alone")

    def source(self, scopes: Tuple[str, ...]) -> Fetch:
        """Return what fetches tokens that allow this much."""

        def fetch() -> Expiring[Secret]:
            headers = {}
            if self._client_id and self._client_secret:
                headers["Authorization"] = basic(self._client_id, self._client_secret)
            response = ask(self._context, "POST", self._url, headers, self._form(scopes))
            return read_token(response.body, self._url, self._context.now())

        return fetch

    def _form(self, scopes: Tuple[str, ...]) -> Dict[str, str]:
        form = {
            "grant_type": _GRANT, "audience": self._subject.audience, "requested_token_type": _ACCESS_TOKEN,
            "scope": " ".join(scopes), "subject_token_type": self._subject.token_type,
            "subject_token": self._fetch_subject().reveal(),
        }  # fmt: skip
        if self._project and not self._client_id:  # else the client says which project it is
            form["options"] = encode_json({"userProject": self._project}).decode("ascii")
        return form


def open_source(configuration: Configuration) -> Fetch:
    """Return what fetches tokens of the identity, or of the service account that it may act as.

    Raises ConfigError and WireError for what the file lacks.
    """
    fields = configuration.fields
    account_url = fields.text("service_account_impersonation_url", "")
    subject = Subject(configuration, fields.text("audience"), fields.text("subject_token_type"), account_url)
    exchange = _Exchange(configuration, subject, subject_tokens.open_subject(subject))
    if not account_url:
        return exchange.source(configuration.scopes)
    checked_url(account_url, f"{configuration.where}: service_account_impersonation_url")
    options = configuration.nested("service_account_impersonation").fields
    lifetime_s = options.whole("token_lifetime_seconds", 3600)
    shortest_s, longest_s = _LIFETIMES_S
    if not shortest_s <= lifetime_s <= longest_s:
        raise ConfigError(
            f"{configuration.where}: token_lifetime_seconds must be from {shortest_s} to {longest_s}, not {lifetime_s}"
        )
    impersonation = Impersonation(
        configuration.context, account_url, configuration.scopes, lifetime_s=lifetime_s
    )  # fmt: skip
    return impersonation.source(exchange.source((CLOUD_PLATFORM,)))
