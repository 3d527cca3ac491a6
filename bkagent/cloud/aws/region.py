"""The region that requests go to, unless a caller knows better."""

from __future__ import annotations

from bkagent.cloud.aws.endpoints import check_region
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.aws.sources.instance_metadata import InstanceMetadata
from bkagent.errors import AgentError, ConfigError

_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


def configured(settings: AwsSettings) -> str:
    """Return the region of the environment, or of the profile; "" where neither names one. Raises ConfigError."""
    for variable in _VARIABLES:
        if settings.environ.get(variable):
            return check_region(settings.environ[variable], variable)
    text = settings.profile.text("region")
    return check_region(text, f'region of the AWS profile "{settings.profile.name}"') if text else ""


def region_of(settings: AwsSettings) -> str:
    """Return the same, or the region of this machine where it is one of EC2. Raises ConfigError where there is none."""
    region = configured(settings)
    if region:
        return region
    try:
        return check_region(InstanceMetadata(settings).region(), "the EC2 metadata service")
    except AgentError as problem:
        text = f"no AWS region is known: set AWS_REGION, or region in the AWS profile ({problem})"
        raise ConfigError(text) from None
