"""A bucket: in which region it is, whether we may use it, and requests for its objects."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Optional, Tuple

from bkagent.artifacts.stores.amazon_s3.settings import ENDPOINT, REGION, S3Settings
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S
from bkagent.cloud.aws import chain, endpoints, region
from bkagent.cloud.aws import settings as aws_settings
from bkagent.cloud.aws.client import AwsClient, AwsRequest
from bkagent.cloud.aws.credentials import AwsCredentials
from bkagent.cloud.aws.endpoints import S3, Endpoint
from bkagent.cloud.aws.error_answers import AwsRefused
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.aws.signature import UNSIGNED_PAYLOAD
from bkagent.cloud.aws.sources import static
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.renewal import Renewal
from bkagent.errors import AgentError, ConfigError, Unreachable
from bkagent.transport.client.address import parse
from bkagent.transport.client.response import Response

if TYPE_CHECKING:
    from bkagent.transport.client.answer_reader import OpenSink

# Where requests go before the bucket's region is known, and those to other makes of servers, which take any.
_FIRST_REGION = "us-east-1"
# Names that can be a part of a host name. docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"[0-9.]+|.*:.*")

_STATUSES = {404: "Amazon S3 has no bucket of that name"}
_ADVICE = {
    "AccessControlListNotSupported": "the bucket takes no ACLs: set BUILDKITE_S3_ACL to bucket-owner-full-control",
    "AccessDenied": "the credentials need s3:PutObject and s3:GetObject for it, and s3:PutObjectAcl to set an ACL",
}


def path_of(key: str) -> str:
    """Return the path of an object below its bucket, which is that of requests to an S3Bucket."""
    return "/" + key


class S3Bucket:
    """Requests go to the region that `locate` has found; their paths begin at the bucket. Thread-safe once it has."""

    def __init__(self, name: str, settings: S3Settings, context: CloudContext) -> None:
        """Send nothing. Raises ConfigError for profiles that cannot be used, and for a malformed endpoint."""
        self.name = name
        self._settings, self._context = settings, context
        self._aws = aws_settings.load(context, settings.profile)
        self._credentials = _credentials(settings, self._aws)
        first = settings.region or region.configured(self._aws) or _FIRST_REGION
        if settings.region:
            endpoints.check_region(settings.region, REGION)
        self._use_region(first)

    @property
    def has_tls(self) -> bool:
        """Whether bodies are protected on their way."""
        return self._client.endpoint.url.startswith("https:")

    @property
    def is_amazons(self) -> bool:
        """Whether no setting names another server, which may know less of the protocol."""
        return not self._client.endpoint.is_custom

    @property
    def shown(self) -> str:
        """The bucket in messages."""
        return f'S3 bucket "{self.name}" in region "{self._client.endpoint.region}"'

    def locate(self) -> None:
        """Find out the region, unless a variable names it. An unsigned request is enough for that."""
        if self._settings.region:
            return
        try:
            answer = self._client.exchange_unsigned(AwsRequest("HEAD", self._path("/")))
            named, reason = answer.headers.get("x-amz-bucket-region") or "", _STATUSES.get(answer.status, "")
            reason = reason or f"the answer was {answer.status}"
        except Unreachable as problem:
            named, reason = "", str(problem)
        if named:
            self._use_region(endpoints.check_region(named, f"of the bucket {self.name}"))
        elif not self._client.endpoint.is_custom:
            fallback = self._fallback_region(reason)
            self._context.report(
                "error",
                f'Could not discover region for bucket "{self.name}". Using the "{fallback}" region as a fallback; if '
                f"this is not correct, set BUILDKITE_S3_DEFAULT_REGION. ({reason})",
            )
            self._use_region(fallback)

    def _fallback_region(self, reason: str) -> str:
        try:
            return region.region_of(self._aws)
        except ConfigError:
            raise ConfigError(
                f'the region of the S3 bucket "{self.name}" cannot be found ({reason}); check the name of the bucket, '
                f"or set {REGION}"
            ) from None

    def check_access(self) -> None:
        """List no objects, which shows whether the credentials are good. Raises AgentError saying what to set."""
        self._fetch_credentials()
        try:
            self._list_nothing()
        except AwsRefused as problem:
            if not problem.region or problem.region == self._client.endpoint.region:
                raise self._access_error(problem) from None
            self._context.report(
                "warn",
                f'the bucket "{self.name}" is in region "{problem.region}", not "{self._client.endpoint.region}"; '
                "set BUILDKITE_S3_DEFAULT_REGION to that, or leave it empty",
            )
            self._use_region(endpoints.check_region(problem.region, f"of the bucket {self.name}"))
            try:
                self._list_nothing()
            except AwsRefused as again:
                raise self._access_error(again) from None

    def send(self, request: AwsRequest, *, open_sink: Optional[OpenSink] = None) -> Response:
        """Return an answer of 2xx. Raises as `AwsClient.send`."""
        try:
            return self._client.send(self._at_endpoint(request), open_sink=open_sink, timeout_s=SILENCE_LIMIT_S)
        except AwsRefused as problem:
            if problem.code not in _ADVICE:
                raise
            text = f"{problem}; {_ADVICE[problem.code]}"
            raise AwsRefused(text, problem.status, problem.code, problem.region) from None

    def presigned_url(self, request: AwsRequest, lifetime_s: int) -> str:
        """Return a URL by which anyone may send the request for so long."""
        return self._client.presigned_url(self._at_endpoint(request), lifetime_s)

    def _fetch_credentials(self) -> None:
        """Have credentials for the requests to come. Raises AgentError: who refuses them is not the bucket."""
        try:
            self._credentials.get()
        except AwsRefused as problem:
            raise AgentError(f"could not get AWS credentials: {problem}") from None

    def _list_nothing(self) -> None:
        self._client.send(AwsRequest("GET", self._path("/"), (("max-keys", "0"),)))

    def _access_error(self, problem: AwsRefused) -> AgentError:
        if problem.status == 403:
            return AgentError(
                f"could not authenticate to AWS S3 with {self._credentials.get().source}: {problem}; set "
                "BUILDKITE_S3_ACCESS_KEY_ID and BUILDKITE_S3_SECRET_ACCESS_KEY, BUILDKITE_S3_PROFILE, or any other "
                "source of AWS credentials, which need s3:ListBucket for the bucket"
            )
        return AgentError(f"could not list the objects of the {self.shown}: {problem}")

    def _use_region(self, name: str) -> None:
        endpoint, self._in_path = self._endpoint(name)
        self._client = AwsClient(self._aws, endpoint, self._credentials)

    def _endpoint(self, name: str) -> Tuple[Endpoint, bool]:
        """Return where the bucket is served in a region, and whether paths name it, instead of the host."""
        if self._settings.endpoint:
            text = self._settings.endpoint
            url = text if "://" in text else f"https://{text}"
            return endpoints.custom(S3, name, url, ENDPOINT), True
        shared = endpoints.endpoint_for(S3, name, self._aws)
        if not _HOST_LABEL.fullmatch(self.name) or _IP_ADDRESS.fullmatch(parse(shared.url).host):
            return shared, True
        scheme, _, rest = shared.url.partition("://")
        return Endpoint(S3, name, f"{scheme}://{self.name}.{rest}", shared.is_custom), False

    def _path(self, path: str) -> str:
        """Return the path at the endpoint of one that begins at the bucket."""
        if not self._in_path:
            return path
        return f"/{self.name}" + (path if path != "/" else "")

    def _at_endpoint(self, request: AwsRequest) -> AwsRequest:
        payload = request.payload_sha256
        if not payload and self.has_tls and not isinstance(request.body, bytes):
            payload = UNSIGNED_PAYLOAD
        return replace(request, path=self._path(request.path), payload_sha256=payload)


def _credentials(settings: S3Settings, aws: AwsSettings) -> Renewal[AwsCredentials]:
    if settings.credentials is None:
        return chain.credentials(aws)
    return Renewal(static.constant(settings.credentials), aws.clock.now, aws.context.report, what="AWS credentials")
