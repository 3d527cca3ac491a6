"""Requests to one service of AWS: signed, sent once, and answered or refused by one of our errors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Mapping, Optional

from bkagent.cloud.aws import error_answers, signature
from bkagent.cloud.aws.credentials import AwsCredentials
from bkagent.cloud.aws.endpoints import Endpoint
from bkagent.cloud.aws.settings import AwsSettings
from bkagent.cloud.aws.signature import Query, SignableRequest
from bkagent.cloud.renewal import Renewal
from bkagent.transport.client.address import parse
from bkagent.transport.client.response import Response

if TYPE_CHECKING:
    from bkagent.transport.client.answer_reader import OpenSink
    from bkagent.transport.client.body import Body

_SILENCE_LIMIT_S = 60.0


@dataclass(frozen=True)
class AwsRequest:
    """A request below an endpoint. `payload_sha256` in hex, or UNSIGNED-PAYLOAD; of the body where it is ""."""

    method: str
    path: str = "/"
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
    payload_sha256: str = ""


class AwsClient:
    """Sends requests to one endpoint. Thread-safe."""

    def __init__(
        self, settings: AwsSettings, endpoint: Endpoint, credentials: Optional[Renewal[AwsCredentials]] = None
    ) -> None:
        """Sign with `credentials`; without any, requests go unsigned."""
        self.endpoint = endpoint
        self._settings, self._credentials = settings, credentials
        address = parse(endpoint.url)
        self._host = address.authority
        self._base_path = address.target.rstrip("/")

    def send(
        self, request: AwsRequest, *, open_sink: Optional[OpenSink] = None, timeout_s: float = _SILENCE_LIMIT_S
    ) -> Response:
        """Return the answer, of 2xx alone. `open_sink` as of `Pool.request_url`; `timeout_s` is the longest silence.

        Sends twice where the first try shows that this machine's clock is wrong, or the credentials have expired early.
        Raises Unreachable, AwsUnavailable (another try may help), AwsRefused, and what the credentials raise.
        """
        for is_last in (False, True):
            credentials = self._credentials.get() if self._credentials else None
            now_s = self._settings.clock.now()
            response = self._send_once(request, self._headers(request, credentials, now_s), open_sink, timeout_s)
            if 200 <= response.status < 300:
                return response
            if is_last or credentials is None or not self._may_mend(response, credentials, now_s):
                break
        what = f"{request.method} {parse(self._url(request, ())).shown}"
        raise error_answers.error_of(what, response)

    def exchange_unsigned(self, request: AwsRequest) -> Response:
        """Return the answer to a request without credentials, whatever its status. Raises Unreachable."""
        return self._send_once(request, self._headers(request, None, 0.0), None, _SILENCE_LIMIT_S)

    def _send_once(
        self, request: AwsRequest, headers: Mapping[str, str], open_sink: Optional[OpenSink], timeout_s: float
    ) -> Response:
        url = self._url(request, request.query)
        return self._settings.context.pool.request_url(
            request.method, url, headers, request.body, timeout_s=timeout_s, open_sink=open_sink, follow_redirects=False
        )

    def presigned_url(self, request: AwsRequest, lifetime_s: int) -> str:
        """Return a URL by which anyone may send the request for so long."""
        assert self._credentials is not None
        signable = self._signable(request, request.headers, signature.UNSIGNED_PAYLOAD)
        now_s = self._settings.clock.now()
        query = signature.presign(signable, self._credentials.get(), self.endpoint.scope, now_s, lifetime_s)
        return self._url(request, query)

    def _headers(self, request: AwsRequest, credentials: Optional[AwsCredentials], now_s: float) -> Mapping[str, str]:
        headers = {**request.headers, "User-Agent": self._settings.context.user_agent}
        if credentials is None:
            return headers
        payload = request.payload_sha256
        if not payload:
            assert isinstance(request.body, bytes)
            payload = hashlib.sha256(request.body).hexdigest()
        if self.endpoint.service.name == "s3":
            headers["x-amz-content-sha256"] = payload
        signable = self._signable(request, headers, payload)
        return signature.sign(signable, credentials, self.endpoint.scope, now_s)

    def _signable(self, request: AwsRequest, headers: Mapping[str, str], payload_sha256: str) -> SignableRequest:
        path = self._base_path + request.path
        return SignableRequest(request.method, self._host, path, request.query, headers, payload_sha256)

    def _url(self, request: AwsRequest, query: Query) -> str:
        escaped = signature.escaped_query(query)
        return self.endpoint.url + signature.escaped_path(request.path) + (f"?{escaped}" if escaped else "")

    def _may_mend(self, response: Response, credentials: AwsCredentials, used_s: float) -> bool:
        """Set the clock, or drop the credentials, where the answer says so. Return whether to try again."""
        code = error_answers.read(response).code
        # An answer to HEAD has no body, and so no code: there the time of the answer alone tells.
        may_be_skewed = response.status in (400, 401, 403) and (code in error_answers.SKEWED or not code)
        if may_be_skewed and self._settings.clock.set_by(response.headers.get("Date"), self._host, used_s):
            return True
        if code in error_answers.EXPIRED and self._credentials is not None and credentials.session_token:
            self._credentials.discard(credentials)
            return True
        return False
