"""Credentials by the token that `aws sso login` has left in its cache (IAM Identity Center).

The login itself needs a browser, so it is not done here: a token that is missing or has expired is refused by name.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

from bkagent.cloud.aws import endpoints
from bkagent.cloud.aws.client import AwsClient, AwsRequest
from bkagent.cloud.aws.credential_answer import fields_of
from bkagent.cloud.aws.credentials import AwsCredentials, Fetch, NoCredentials
from bkagent.cloud.aws.profiles import Profile, read_small_file
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import AgentError, ConfigError, Refused, WireError
from bkagent.wire import timestamps
from bkagent.wire.reader import Reader

_NEEDED = ("sso_account_id", "sso_role_name", "sso_region", "sso_start_url")


@dataclass(frozen=True)
class SsoProfile:
    """What a profile says of its login. `cache_key` names the file of the token."""

    profile: str
    account_id: str
    role_name: str
    region: str
    cache_key: str

    @property
    def advice(self) -> str:
        """What to do about a token that does not work."""
        return f"run `aws sso login --profile {self.profile}` as the user of this agent"


def is_configured(profile: Profile) -> bool:
    """Return whether a profile is one of IAM Identity Center."""
    return any(profile.text(name) for name in ("sso_session", *_NEEDED))


def sso_profile(settings: AwsSettings, profile: Profile) -> SsoProfile:
    """Return what a profile and its section [sso-session] say. Raises ConfigError for what is missing."""
    session_name = profile.text("sso_session")
    session = settings.profiles.section("sso-session", session_name) if session_name else profile
    texts = {name: profile.text(name) or session.text(name) for name in _NEEDED}
    missing = [name for name, text in texts.items() if not text]
    if missing:
        raise ConfigError(f'the AWS profile "{profile.name}" has no {missing[0]}, which a login by SSO needs')
    region = endpoints.check_region(session.text("sso_region") or texts["sso_region"], f"sso_region of {profile.name}")
    cache_key = session_name or texts["sso_start_url"]
    return SsoProfile(profile.name, texts["sso_account_id"], texts["sso_role_name"], region, cache_key)


def credentials_by_login(settings: AwsSettings, sso: SsoProfile) -> Fetch:
    """Return a source that exchanges the cached token for credentials of the profile's role."""
    client = AwsClient(settings, endpoints.endpoint_for(endpoints.SSO, sso.region, settings))

    def fetch() -> Expiring[AwsCredentials]:
        token = _cached_token(settings, sso)
        query = (("role_name", sso.role_name), ("account_id", sso.account_id))
        headers = {"x-amz-sso_bearer_token": token.reveal()}
        try:
            response = client.send(AwsRequest("GET", "/federation/credentials", query, headers))
        except Refused as problem:
            if problem.status == 401:
                raise NoCredentials(f"IAM Identity Center has ended the login; {sso.advice}") from None
            raise
        return _credentials(response.body, sso)

    return fetch


def _credentials(body: bytes, sso: SsoProfile) -> Expiring[AwsCredentials]:
    what = "the answer of IAM Identity Center"
    fields = Reader(fields_of(body, what), what).inner("roleCredentials")
    if fields is None:
        raise WireError(f"{what} has no roleCredentials")
    credentials = AwsCredentials(
        fields.text("accessKeyId"), Secret(fields.text("secretAccessKey")), Secret(fields.text("sessionToken")),
        f"the role {sso.role_name} of the account {sso.account_id}",
    )  # fmt: skip
    return Expiring(credentials, fields.whole("expiration", low=0) / 1000.0)


def _cached_token(settings: AwsSettings, sso: SsoProfile) -> Secret:
    name = hashlib.sha1(sso.cache_key.encode("utf-8")).hexdigest() + ".json"
    if not settings.context.home:
        raise NoCredentials("there is no home folder, in which the token of `aws sso login` would be")
    path = os.path.join(settings.context.home, ".aws", "sso", "cache", name)
    what = f'the login of the AWS profile "{sso.profile}"'
    try:
        text = read_small_file(path, what)
    except AgentError as problem:
        raise NoCredentials(f"{problem}; {sso.advice}") from None
    try:
        fields = Reader(fields_of(text.encode("utf-8"), path), path)
        token, expires = fields.text("accessToken"), timestamps.moment_of(fields.text("expiresAt"))
    except WireError as problem:
        raise NoCredentials(f"{what}: {problem}; {sso.advice}") from None
    if expires is None or expires <= settings.clock.now():
        raise NoCredentials(f"{what} has expired; {sso.advice}")
    return Secret(token)
