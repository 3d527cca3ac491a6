"""Where credentials of AWS come from: the first source that is set up, in the order of the Go SDK's default chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Tuple

from bkagent.cloud.aws import region
from bkagent.cloud.aws.credentials import AwsCredentials, Fetch, NoCredentials
from bkagent.cloud.aws.profiles import Profile
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.aws.sources import container, credential_process, identity_center, static
from bkagent.cloud.aws.sources import security_token_service as sts
from bkagent.cloud.aws.sources.instance_metadata import InstanceMetadata
from bkagent.cloud.aws.sources.security_token_service import Role
from bkagent.cloud.renewal import Expiring, Renewal
from bkagent.errors import AgentError, ConfigError
from bkagent.transport.retry import Schedule, retry

# As often as the Go SDK tries, with pauses of its size.
_TRIES = Schedule(3, lambda failed: 0.5 * 2.0**failed, (0.0, 0.5))
_TOKEN_FILE, _ROLE_ARN, _ROLE_SESSION = "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"


@dataclass(frozen=True)
class CredentialSource:
    """A place that credentials may come from.

    applies  whether it is set up for a profile; the first one that is must give them, and failing that none does
    begin    returns what fetches them; raises ConfigError for settings that do not go together
    """

    title: str
    applies: Callable[[AwsSettings, Profile], bool]
    begin: Callable[[AwsSettings, Profile], Fetch]


def credentials(settings: AwsSettings) -> Renewal[AwsCredentials]:
    """Return the credentials of a command or job, which are fetched when they are first needed. Raises ConfigError."""
    environ, profile = settings.environ, settings.profile
    key = static.of_environment(environ)
    if not settings.is_named and key is not None:
        return _renewed(settings, static.constant(key), key.source)
    if not settings.is_named and environ.get(_TOKEN_FILE):
        return _renewed(settings, _web_identity_of_environment(settings), f"the token of {_TOKEN_FILE}")
    return _of_profile(settings, profile, ())


def _of_profile(settings: AwsSettings, profile: Profile, above: Tuple[str, ...]) -> Renewal[AwsCredentials]:
    """Return the credentials of a profile. `above` are those whose source_profile led here."""
    _check(profile)
    name = profile.text("source_profile")
    key = static.of_profile(profile)
    if above and key is not None:
        return _renewed(settings, static.constant(key), key.source)
    if name and name == profile.name and key is not None:
        base = _renewed(settings, static.constant(key), key.source)
    elif name in (*above, profile.name):
        raise ConfigError(f'source_profile of the AWS profile "{profile.name}" leads back to "{name}"')
    elif name:
        base = _of_profile(settings, settings.profiles.profile(name), (*above, profile.name))
    else:
        source = next(source for source in SOURCES if source.applies(settings, profile))
        base = _renewed(settings, source.begin(settings, profile), source.title)
        if source.title == _WEB_IDENTITY or not profile.text("role_arn"):
            return base
    role = _role(profile)
    return _renewed(settings, sts.assumed_role(settings, _region(settings), role, base), f"the role {role.arn}")


def _check(profile: Profile) -> None:
    """Raise ConfigError for settings of a profile that exclude each other, or need what cannot be had here."""
    kinds = ("source_profile", "credential_source", "credential_process", "web_identity_token_file")
    given = [kind for kind in kinds if profile.text(kind)]
    if len(given) > 1:
        raise ConfigError(f'the AWS profile "{profile.name}" has {" and ".join(given)}; one of them must go')
    if given and given[0] != "credential_process" and not profile.text("role_arn"):
        raise ConfigError(f'the AWS profile "{profile.name}" has {given[0]}, and no role_arn to assume with it')
    if profile.text("mfa_serial"):
        raise ConfigError(
            f'the AWS profile "{profile.name}" has mfa_serial: an agent cannot assume a role that needs a typed code; '
            "use credentials that need none"
        )


def _role(profile: Profile) -> Role:
    text = profile.text("duration_seconds")
    duration_s = int(text) if text.isdigit() and len(text) < 7 else 0
    return Role(profile.text("role_arn"), profile.text("role_session_name"), profile.text("external_id"), duration_s)


def _web_identity_of_environment(settings: AwsSettings) -> Fetch:
    environ = settings.environ
    if not environ.get(_ROLE_ARN):
        raise ConfigError(f"{_TOKEN_FILE} is set, and {_ROLE_ARN}, which names the role to assume, is not")
    role = Role(environ[_ROLE_ARN], environ.get(_ROLE_SESSION, ""))
    return sts.web_identity(settings, _region(settings), role, environ[_TOKEN_FILE], _TOKEN_FILE)


def _web_identity(settings: AwsSettings, profile: Profile) -> Fetch:
    what = f'web_identity_token_file of the AWS profile "{profile.name}"'
    path = profile.text("web_identity_token_file")
    return sts.web_identity(settings, _region(settings), _role(profile), path, what)


def _refuse_login_session(settings: AwsSettings, profile: Profile) -> Fetch:
    raise NoCredentials(
        f'the AWS profile "{profile.name}" has login_session: a login by a browser (`aws login`) cannot be used by an '
        "agent; use credential_process, a role or a key"
    )


def _named_source(settings: AwsSettings, profile: Profile) -> Fetch:
    """`credential_source`, which names one of three."""
    name = profile.text("credential_source")
    if name == "Ec2InstanceMetadata":
        return InstanceMetadata(settings).credentials
    if name == "EcsContainer":
        if container.is_configured(settings.environ):
            return container.container_credentials(settings)
        raise ConfigError(
            f'the AWS profile "{profile.name}" has credential_source EcsContainer, and neither {container.RELATIVE} '
            f"nor {container.FULL} is set"
        )
    if name == "Environment":
        key = static.of_environment(settings.environ)
        if key is not None:
            return static.constant(key)
        raise NoCredentials(
            f'the AWS profile "{profile.name}" has credential_source Environment, and AWS_ACCESS_KEY_ID and '
            "AWS_SECRET_ACCESS_KEY are not both set"
        )
    raise ConfigError(
        f'credential_source of the AWS profile "{profile.name}" must be Ec2InstanceMetadata, EcsContainer or '
        f'Environment, not "{name[:40]}"'
    )


def _static(settings: AwsSettings, profile: Profile) -> Fetch:
    key = static.of_profile(profile)
    assert key is not None
    return static.constant(key)


def _by_login(settings: AwsSettings, profile: Profile) -> Fetch:
    return identity_center.credentials_by_login(settings, identity_center.sso_profile(settings, profile))


def _machine(settings: AwsSettings, profile: Profile) -> Fetch:
    """The role of this machine, when nothing else is set up."""
    metadata = InstanceMetadata(settings)

    def fetch() -> Expiring[AwsCredentials]:
        try:
            return retry(lambda number: metadata.credentials(), _TRIES, wait=settings.context.wait, report=_silent)
        except AgentError as problem:
            raise NoCredentials(
                "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or "
                f"AWS_ROLE_ARN and {_TOKEN_FILE}, or give this machine a role ({problem}{_proxy_hint(settings)})"
            ) from None

    return fetch


def _proxy_hint(settings: AwsSettings) -> str:
    environ = {name.upper(): text for name, text in settings.environ.items()}
    if not environ.get("HTTP_PROXY") or "169.254.169.254" in environ.get("NO_PROXY", ""):
        return ""
    return "; it is asked through HTTP_PROXY, since NO_PROXY does not have 169.254.169.254"


def _silent(level: str, text: str) -> None:
    """Most machines have no such service, and its absence is said once, at the end."""


_WEB_IDENTITY = "the web identity of the profile"
# The order of the Go SDK, config/resolve_credentials.go.
SOURCES: Tuple[CredentialSource, ...] = (
    CredentialSource(
        "the key of the profile", lambda settings, profile: static.of_profile(profile) is not None, _static
    ),
    CredentialSource(
        "credential_source", lambda settings, profile: bool(profile.text("credential_source")), _named_source
    ),
    CredentialSource(
        _WEB_IDENTITY, lambda settings, profile: bool(profile.text("web_identity_token_file")), _web_identity
    ),
    CredentialSource(
        "IAM Identity Center", lambda settings, profile: identity_center.is_configured(profile), _by_login
    ),
    CredentialSource(
        "login_session", lambda settings, profile: bool(profile.text("login_session")), _refuse_login_session
    ),
    CredentialSource(
        "credential_process",
        lambda settings, profile: bool(profile.text("credential_process")),
        lambda settings, profile: credential_process.printed_credentials(profile, settings.environ),
    ),
    CredentialSource(
        "the container",
        lambda settings, profile: container.is_configured(settings.environ),
        lambda settings, profile: container.container_credentials(settings),
    ),
    CredentialSource("this machine", lambda settings, profile: True, _machine),
)


def _renewed(settings: AwsSettings, fetch: Fetch, title: str) -> Renewal[AwsCredentials]:
    context = settings.context

    def fetch_with_retries() -> Expiring[AwsCredentials]:
        return retry(lambda number: fetch(), _TRIES, wait=context.wait, report=context.report, what=title)

    return Renewal(fetch_with_retries, settings.clock.now, context.report, what=f"AWS credentials of {title}")


def _region(settings: AwsSettings) -> str:
    return region.region_of(settings)
