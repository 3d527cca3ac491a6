"""Credentials of AWS in place of a token: a signed request that asks AWS who signed it, which Google's STS sends.

https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#aws
"""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlsplit

from bkagent.cloud.aws import chain, region, settings
from bkagent.cloud.aws.signature import Scope, SignableRequest, sign
from bkagent.cloud.google.endpoint import checked_url, encode_json
from bkagent.cloud.google.subject import FetchSubject, Subject
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

_VERSION = "aws1"
_USUAL_URL = "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"


def open_aws(subject: Subject) -> FetchSubject:
    """Return what signs such a request, by the credentials that AWS's own programs would use.

    Addresses of the metadata service in the configuration are not used: the service has one address.
    Raises ConfigError for what the configuration lacks.
    """
    version = subject.source.text("environment_id")
    if version != _VERSION:
        raise ConfigError(f"{subject.where}: environment_id must be {_VERSION}")
    template = subject.source.text("regional_cred_verification_url", "") or _USUAL_URL
    checked_url(template.replace("{region}", "REGION"), f"{subject.where}: regional_cred_verification_url")
    aws = settings.load(subject.configuration.context)
    credentials = chain.credentials(aws)

    def fetch() -> Secret:
        name = region.region_of(aws)
        url = template.replace("{region}", name)
        parts = urlsplit(url)
        request = SignableRequest(
            "POST", parts.netloc, parts.path or "/", parse_qsl(parts.query, keep_blank_values=True),
            {"x-goog-cloud-target-resource": subject.audience},
        )  # fmt: skip
        headers = sign(request, credentials.get(), Scope(name, "sts"), aws.clock.now())
        pairs = sorted({**headers, "host": parts.netloc}.items())
        signed = {"url": url, "method": "POST", "headers": [{"key": key, "value": text} for key, text in pairs]}
        return Secret(quote(encode_json(signed), safe=""))

    return fetch
