"""Roles, assumed by AWS STS: by other credentials, or by a token of another identity provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict
from urllib.parse import urlencode

from bkagent.cloud import xml_answer
from bkagent.cloud.aws import endpoints
from bkagent.cloud.aws.client import AwsClient, AwsRequest
from bkagent.cloud.aws.credential_answer import expiry
from bkagent.cloud.aws.credentials import AwsCredentials, Fetch
from bkagent.cloud.aws.profiles import read_small_file
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.renewal import Expiring, Renewal
from bkagent.config.secret import Secret
from bkagent.errors import WireError

# What the Go SDK asks for; a shorter time of a profile is not used either.
_DEFAULT_DURATION_S = 900
_API_VERSION = "2011-06-15"


@dataclass(frozen=True)
class Role:
    """A role to assume. `session_name` is made up where it is ""; `duration_s` 0 is the default."""

    arn: str
    session_name: str = ""
    external_id: str = ""
    duration_s: int = 0


def assumed_role(settings: AwsSettings, region: str, role: Role, base: Renewal[AwsCredentials]) -> Fetch:
    """Return a source of the role's credentials, which asks with those of `base`."""
    client = AwsClient(settings, endpoints.endpoint_for(endpoints.STS, region, settings), base)

    def fetch() -> Expiring[AwsCredentials]:
        form = {**_common_fields("AssumeRole", role, settings), "DurationSeconds": str(_duration_s(role))}
        if role.external_id:
            form["ExternalId"] = role.external_id
        return _ask(client, form, role)

    return fetch


def web_identity(settings: AwsSettings, region: str, role: Role, token_file: str, what: str) -> Fetch:
    """Return a source that shows STS the token in a file, read anew each time. `what` names the setting of the file."""
    client = AwsClient(settings, endpoints.endpoint_for(endpoints.STS, region, settings))

    def fetch() -> Expiring[AwsCredentials]:
        form = _common_fields("AssumeRoleWithWebIdentity", role, settings)
        form["WebIdentityToken"] = read_small_file(token_file, what)
        return _ask(client, form, role)

    return fetch


def _common_fields(action: str, role: Role, settings: AwsSettings) -> Dict[str, str]:
    session_name = role.session_name or f"bkagent-{int(settings.clock.now() * 1000)}"
    return {"Action": action, "Version": _API_VERSION, "RoleArn": role.arn, "RoleSessionName": session_name}


def _duration_s(role: Role) -> int:
    return max(role.duration_s, _DEFAULT_DURATION_S)


def _ask(client: AwsClient, form: Dict[str, str], role: Role) -> Expiring[AwsCredentials]:
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    response = client.send(AwsRequest("POST", "/", (), headers, urlencode(form).encode("ascii")))
    what = "the answer of AWS STS"
    element = next(iter(xml_answer.parse(response.body, what).iter("Credentials")), None)
    if element is None:
        raise WireError(f"{what} has no credentials")
    text = {name: xml_answer.child_text(element, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")}
    missing = next((name for name, content in text.items() if not content), None)
    if missing:
        raise WireError(f"{what} has no {missing}")
    credentials = AwsCredentials(
        text["AccessKeyId"], Secret(text["SecretAccessKey"]), Secret(text["SessionToken"]), f"the role {role.arn}"
    )
    return Expiring(credentials, expiry(xml_answer.child_text(element, "Expiration"), what))
