"""What a command or job uses of AWS: profiles, variables, and the clock that its requests are signed by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from bkagent.cloud.aws import profiles
from bkagent.cloud.aws.profiles import Profile, Profiles
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.server_clock import ServerClock


@dataclass(frozen=True)
class AwsSettings:
    """Made once by `load`.

    profile         in force; empty where there are no files and none was named
    is_named        whether the caller named the profile, which then goes before keys in the environment
    clock           of all requests to AWS
    """

    context: CloudContext
    profiles: Profiles
    profile: Profile
    is_named: bool
    clock: ServerClock

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables of the caller."""
        return self.context.environ


def load(context: CloudContext, profile_name: str = "") -> AwsSettings:
    """Read the files. The profile is `profile_name`, that of AWS_PROFILE, or the default. Raises ConfigError."""
    environ = context.environ
    files = profiles.load(environ, context.home)
    name = profile_name or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or profiles.DEFAULT
    clock = ServerClock(context.now, context.report)
    return AwsSettings(context, files, files.profile(name), bool(profile_name), clock)
