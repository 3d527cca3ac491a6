"""Keys that stand in the environment or in a profile: they never expire here."""

from __future__ import annotations

from typing import Mapping, Optional

from bkagent.cloud.aws.credentials import AwsCredentials, Fetch
from bkagent.cloud.aws.profiles import Profile
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret


def constant(credentials: AwsCredentials) -> Fetch:
    """Return a source of these credentials."""
    return lambda: Expiring(credentials)


def of_environment(environ: Mapping[str, str]) -> Optional[AwsCredentials]:
    """Return the key of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, None unless both are set."""
    key_id = environ.get("AWS_ACCESS_KEY_ID") or environ.get("AWS_ACCESS_KEY") or ""
    secret = environ.get("AWS_SECRET_ACCESS_KEY") or environ.get("AWS_SECRET_KEY") or ""
    if not key_id or not secret:
        return None
    return AwsCredentials(key_id, Secret(secret), Secret(environ.get("AWS_SESSION_TOKEN", "")), "the environment")


def of_profile(profile: Profile) -> Optional[AwsCredentials]:
    """Return the key that a profile has itself, None without one."""
    key_id, secret = profile.text("aws_access_key_id"), profile.text("aws_secret_access_key")
    if not key_id or not secret:
        return None
    token = Secret(profile.text("aws_session_token"))
    return AwsCredentials(key_id, Secret(secret), token, f'the AWS profile "{profile.name}"')
