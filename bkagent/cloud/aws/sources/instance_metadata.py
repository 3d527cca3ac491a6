"""The metadata service of EC2 machines (IMDS): the credentials of the machine's role, and its region.

Source: docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html; when to use version 1: as
the Go SDK does.
"""

from __future__ import annotations

import threading
from typing import Dict, Mapping

from bkagent.cloud.aws import credential_answer, error_answers
from bkagent.cloud.aws.credentials import AwsCredentials, NoCredentials
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.renewal import Expiring
from bkagent.errors import ConfigError, Unreachable
from bkagent.transport.client.address import parse
from bkagent.transport.client.response import Response
from bkagent.wire.reader import Reader
from bkagent.wire.shown_text import one_line

DISABLED, ENDPOINT = "AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_MODE = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
_V1_DISABLED = "AWS_EC2_METADATA_V1_DISABLED"
_ENDPOINTS = {"ipv4": "http://169.254.169.254", "ipv6": "http://[fd00:ec2::254]"}
_TOKEN_TTL_S = 300
# The service is on the machine or it is not there: machines elsewhere must not wait for it.
_SILENCE_LIMIT_S = 1.0
_LONGEST_LIFE_S = 3600.0
_ROLES = "/latest/meta-data/iam/security-credentials/"
_NO_TOKENS = (403, 404, 405)


class InstanceMetadata:
    """The service of this machine. Thread-safe."""

    def __init__(self, settings: AwsSettings) -> None:
        """Ask nothing yet. Raises ConfigError for an endpoint that is no URL."""
        self._settings = settings
        self._url = _endpoint(settings)
        self._lock = threading.Lock()
        self._token, self._token_expires_s, self._is_version_1 = "", 0.0, False

    def credentials(self) -> Expiring[AwsCredentials]:
        """Return those of the machine's role. Raises NoCredentials where there is no role, or no such service."""
        role = one_line(self._get(_ROLES).body.decode("utf-8", "replace").strip().split("\n")[0].strip())
        if not role:
            raise NoCredentials("the EC2 metadata service names no role of this machine")
        what = f"the answer of the EC2 metadata service for the role {role[:100]}"
        document = credential_answer.fields_of(self._get(_ROLES + role).body, what)
        code = document.get("Code")
        if not isinstance(code, str) or code.lower() != "success":
            raise NoCredentials(f"the EC2 metadata service gives no credentials: {one_line(str(code))[:100]}")
        given = credential_answer.read(document, what, f"the role {role} of this machine")
        latest_s = self._settings.clock.now() + _LONGEST_LIFE_S
        return Expiring(given.content, min(given.expires_s or latest_s, latest_s))

    def region(self) -> str:
        """Return the region that the machine is in. Raises AgentError."""
        what = "the identity document of the EC2 metadata service"
        body = self._get("/latest/dynamic/instance-identity/document").body
        return Reader(credential_answer.fields_of(body, what), what).text("region")

    def _get(self, path: str) -> Response:
        token = self._session_token()
        response = self._ask("GET", path, {"x-aws-ec2-metadata-token": token} if token else {})
        if response.status == 401 and token:
            with self._lock:
                self._token = ""
            response = self._ask("GET", path, {"x-aws-ec2-metadata-token": self._session_token()})
        if not 200 <= response.status < 300:
            raise error_answers.error_of(f"GET {self._url}{path}", response)
        return response

    def _session_token(self) -> str:
        """Return the token of version 2; "" where only version 1 is spoken."""
        with self._lock:
            now_s = self._settings.clock.now()
            if self._is_version_1 or (self._token and now_s < self._token_expires_s):
                return self._token
            self._token = self._new_token()
            self._token_expires_s = now_s + _TOKEN_TTL_S - 10
            self._is_version_1 = not self._token
            return self._token

    def _new_token(self) -> str:
        response = self._ask("PUT", "/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_TTL_S)})
        if 200 <= response.status < 300:
            return response.body.decode("ascii", "replace").strip()
        what = f"PUT {self._url}/latest/api/token"
        if response.status in _NO_TOKENS and self._allows_version_1():
            self._settings.context.report("debug", f"{what}: {response.status}; version 1 of the service is used")
            return ""
        raise error_answers.error_of(what, response)

    def _allows_version_1(self) -> bool:
        text = self._settings.environ.get(_V1_DISABLED) or self._settings.profile.text("ec2_metadata_v1_disabled")
        return text.lower() != "true"

    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Response:
        if (self._settings.environ.get(DISABLED) or "").lower() == "true":
            raise NoCredentials(f"{DISABLED} forbids to ask the EC2 metadata service")
        sent: Dict[str, str] = {**headers, "User-Agent": self._settings.context.user_agent}
        try:
            return self._settings.context.pool.request_url(
                method, self._url + path, sent, timeout_s=_SILENCE_LIMIT_S, follow_redirects=False
            )
        except Unreachable as problem:
            raise Unreachable(f"the EC2 metadata service does not answer: {problem}") from None


def _endpoint(settings: AwsSettings) -> str:
    environ, profile = settings.environ, settings.profile
    named = environ.get(ENDPOINT) or profile.text("ec2_metadata_service_endpoint")
    if named:
        parse(named, ENDPOINT)
        return named.rstrip("/")
    mode = (environ.get(_MODE) or profile.text("ec2_metadata_service_endpoint_mode") or "ipv4").lower()
    if mode not in _ENDPOINTS:
        raise ConfigError(f'{_MODE} must be {" or ".join(_ENDPOINTS)}, not "{mode[:40]}"')
    return _ENDPOINTS[mode]
