"""A service account with a private key: a JWT signed with it is exchanged for an access token.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

from __future__ import annotations

from bkagent.cloud.google.configuration import Configuration, Fetch
from bkagent.cloud.google.endpoint import checked_url, encode_json
from bkagent.cloud.renewal import Expiring
from bkagent.cloud.token_answer import read_token
from bkagent.cloud.token_endpoint import RequestRefused, ask
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError
from bkagent.jose import algorithms, base64url
from bkagent.jose.errors import InvalidKey
from bkagent.jose.pem_keys import read_rsa_private_key
from bkagent.jose.rsa import RsaPrivateKey
from bkagent.transport.client.address import parse

TOKEN_URL = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"  # RFC 7523 section 2.1
_LIFETIME_S = 3600
_EARLY_S = 10  # the account's time must not be ahead of Google's; as its library for Go has it


class _ServiceAccount:
    def __init__(self, configuration: Configuration, key: RsaPrivateKey) -> None:
        fields = configuration.fields
        self._context, self._clock = configuration.context, configuration.clock
        self._scope, self._key = " ".join(configuration.scopes), key
        self._email, self._key_id = fields.text("client_email"), fields.text("private_key_id", "")
        self._url = checked_url(fields.text("token_uri", "") or TOKEN_URL, f"{configuration.where}: token_uri")

    def fetch(self) -> Expiring[Secret]:
        signed_at_s = self._clock.now()
        try:
            return self._exchange(signed_at_s)
        except RequestRefused as problem:
            host = parse(self._url).host
            if problem.code != "invalid_grant" or not self._clock.set_by(problem.date, host, signed_at_s):
                raise
        return self._exchange(self._clock.now())

    def _exchange(self, now_s: float) -> Expiring[Secret]:
        form = {"grant_type": _GRANT, "assertion": self._assertion(int(now_s) - _EARLY_S)}
        return read_token(ask(self._context, "POST", self._url, {}, form).body, self._url, self._context.now())

    def _assertion(self, issued_s: int) -> str:
        header = {"alg": "RS256", "typ": "JWT", **({"kid": self._key_id} if self._key_id else {})}
        claims = {
            "iss": self._email, "scope": self._scope, "aud": self._url,
            "iat": issued_s, "exp": issued_s + _LIFETIME_S,
        }  # fmt: skip
        signed = ".".join(base64url.encode(encode_json(part)) for part in (header, claims))
        return f"{signed}.{base64url.encode(algorithms.sign('RS256', self._key, signed.encode('ascii')))}"


def open_source(configuration: Configuration) -> Fetch:
    """Return what fetches tokens of the account. Raises ConfigError and WireError for what the file lacks."""
    try:
        key = read_rsa_private_key(configuration.fields.text("private_key"))
    except InvalidKey as problem:
        raise ConfigError(f"{configuration.where}: private_key: {problem}") from problem
    return _ServiceAccount(configuration, key).fetch
