"""Where the services of AWS listen: by region, or where variables and profiles say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Mapping

from bkagent.cloud.aws.signature import Scope
from bkagent.errors import ConfigError
from bkagent.transport.client.address import parse

if TYPE_CHECKING:
    from bkagent.cloud.aws.settings import AwsSettings

# The first row whose name a region begins with. Source: the partitions of the SDKs' endpoint rules.
_DOMAINS = (
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("", "amazonaws.com"),
)
_REGION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+){1,6}")


@dataclass(frozen=True)
class Service:
    """A service of AWS.

    name      in signatures and host names ("s3")
    title     in messages
    variable  the end of AWS_ENDPOINT_URL_...
    setting   its name in a [services] section
    """

    name: str
    title: str
    variable: str
    setting: str


S3 = Service("s3", "Amazon S3", "S3", "s3")
STS = Service("sts", "AWS STS", "STS", "sts")
KMS = Service("kms", "AWS KMS", "KMS", "kms")
SSO = Service("sso", "IAM Identity Center", "SSO", "sso")


@dataclass(frozen=True)
class Endpoint:
    """A service as one region has it. `url` is without a slash at its end; `is_custom` where a setting names it."""

    service: Service
    region: str
    url: str
    is_custom: bool = False

    @property
    def scope(self) -> Scope:
        """What signatures of requests to it are valid for."""
        return Scope(self.region, self.service.name)


def check_region(region: str, origin: str) -> str:
    """Return a region, which becomes a part of host names. Raises ConfigError naming its origin."""
    if not _REGION.fullmatch(region):
        raise ConfigError(f'"{region[:60]}" is no AWS region ({origin}); one is called eu-west-1, say')
    return region


def endpoint_for(service: Service, region: str, settings: AwsSettings) -> Endpoint:
    """Return where a service listens. Raises ConfigError for a setting that is no URL.

    Source of the order: docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    configured, origin = _configured(service, settings)
    if configured:
        return custom(service, region, configured, origin)
    return Endpoint(service, region, f"https://{_host(service, region, settings.environ)}")


def custom(service: Service, region: str, url: str, origin: str) -> Endpoint:
    """Return an endpoint that a setting names. Raises ConfigError naming the setting."""
    if "?" in url or "#" in url:
        raise ConfigError(f"{origin} must be a URL without a query")
    parse(url, origin)
    return Endpoint(service, region, url.strip().rstrip("/"), is_custom=True)


def domain_of(region: str) -> str:
    """Return the domain of a region's services."""
    return next(domain for prefix, domain in _DOMAINS if region.startswith(prefix))


def _configured(service: Service, settings: AwsSettings) -> "tuple[str, str]":
    """Return (URL, where it comes from); "" where none is set."""
    environ, profile = settings.environ, settings.profile
    if (environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or "").lower() == "true":
        return "", ""
    for variable in (f"AWS_ENDPOINT_URL_{service.variable}", "AWS_ENDPOINT_URL"):
        if environ.get(variable):
            return environ[variable], variable
    if profile.text("ignore_configured_endpoint_urls").lower() == "true":
        return "", ""
    if profile.text("services"):
        url = settings.profiles.section("services", profile.text("services")).inner(service.setting).get("endpoint_url")
        if url:
            return url, f"endpoint_url of {service.setting} in [services {profile.text('services')}]"
    return profile.text("endpoint_url"), f'endpoint_url of the AWS profile "{profile.name}"'


def _host(service: Service, region: str, environ: Mapping[str, str]) -> str:
    prefix = "portal.sso" if service is SSO else service.name
    if (environ.get("AWS_USE_FIPS_ENDPOINT") or "").lower() == "true":
        prefix += "-fips"
    if (environ.get("AWS_USE_DUALSTACK_ENDPOINT") or "").lower() == "true":
        return f"s3.dualstack.{region}.{domain_of(region)}" if service is S3 else f"{prefix}.{region}.api.aws"
    return f"{prefix}.{region}.{domain_of(region)}"
