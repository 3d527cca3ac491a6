"""Requests to the Blob service of an account, signed by whichever credential opens it."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING, Dict, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import quote, urlencode, urlsplit

from bkagent.cloud.azure import storage_error
from bkagent.cloud.azure.shared_access_signature import SharedAccessSignature
from bkagent.cloud.azure.shared_key import SharedKey
from bkagent.cloud.cloud_context import CloudContext
from bkagent.cloud.renewal import Renewal
from bkagent.cloud.server_clock import ServerClock
from bkagent.config.secret import Secret
from bkagent.errors import WireError
from bkagent.transport.client.response import Headers, Response

if TYPE_CHECKING:
    from bkagent.transport.client.answer_reader import OpenSink, Sink
    from bkagent.transport.client.body import Body

# Of 2021: knows blocks of 4,000 MiB, and is known to clouds and emulators that are some years behind.
VERSION = "2021-12-02"
Credential = Union[SharedKey, SharedAccessSignature, Renewal[Secret]]
Query = Sequence[Tuple[str, str]]


class BlobClient:
    """Sends requests for blobs. Thread-safe.

    A request is signed once more when Azure's clock differs, which is adopted then, or when it calls a token expired.
    """

    def __init__(self, context: CloudContext, endpoint: str, credential: Credential, *, silence_limit_s: float) -> None:
        """`endpoint` is without a slash at its end."""
        self._context, self._endpoint, self.credential = context, endpoint, credential
        self._silence_limit_s = silence_limit_s
        self.clock = ServerClock(context.now, context.report)

    def prepare(self) -> None:
        """Get the first token, or check that the signature has not expired. Raises AgentError."""
        if isinstance(self.credential, Renewal):
            self.credential.get()
        elif isinstance(self.credential, SharedAccessSignature):
            self.credential.check_lifetime(self._context.now())

    def url_of(self, container: str, blob: str) -> str:
        """Return the URL of a blob, without a query."""
        return f"{self._endpoint}/{quote(container, safe='')}/{quote(blob, safe='~/', errors='surrogateescape')}"

    def send(
        self,
        method: str,
        container: str,
        blob: str,
        *,
        query: Query = (),
        headers: Mapping[str, str],
        body: Body = b"",
        open_sink: Optional[OpenSink] = None,
        accepts: Tuple[int, ...],
    ) -> Response:
        """Send one request; return its answer, whose status is one of `accepts`.

        Raises Unreachable, Unavailable, Refused with the code of Azure's error, and WireError for a success that
        something else than Azure must have sent.
        """
        url = self.url_of(container, blob)
        what = f"{method} {url}"

        def checked_sink(status: int, answered: Headers) -> Optional[Sink]:
            _check_success(what, status, answered, accepts)
            return open_sink(status, answered) if open_sink else None

        for number in range(2):
            signed_at_s = self.clock.now()
            target, sent, token = self._signed(method, url, query, headers, body, signed_at_s)
            response = self._context.pool.request_url(
                method, target, sent, body, timeout_s=self._silence_limit_s, open_sink=checked_sink,
                follow_redirects=False,
            )  # fmt: skip
            if response.status in accepts:
                return response
            if number or not self._is_worth_signing_again(response, signed_at_s, token):
                break
        raise storage_error.error_of(what, response)

    def _signed(
        self, method: str, url: str, query: Query, headers: Mapping[str, str], body: Body, now_s: float
    ) -> Tuple[str, Mapping[str, str], Optional[Secret]]:
        """Return URL and headers with what the credential adds, and the token among it."""
        sent: Dict[str, str] = {
            "User-Agent": self._context.user_agent, "x-ms-version": VERSION,
            "x-ms-date": formatdate(now_s, usegmt=True), **headers,
        }  # fmt: skip
        pairs = tuple(query)
        if isinstance(self.credential, SharedAccessSignature):
            return f"{url}?{urlencode(pairs + self.credential.pairs)}", sent, None
        target = f"{url}?{urlencode(pairs)}" if pairs else url
        if isinstance(self.credential, SharedKey):
            signed = {**sent, "Content-Length": str(len(body))}
            sent["Authorization"] = self.credential.authorization(method, urlsplit(url).path, pairs, signed)
            return target, sent, None
        token = self.credential.get()
        sent["Authorization"] = f"Bearer {token.reveal()}"
        return target, sent, token

    def _is_worth_signing_again(self, response: Response, signed_at_s: float, token: Optional[Secret]) -> bool:
        if token is not None and response.status == 401 and isinstance(self.credential, Renewal):
            self.credential.discard(token)
            return True
        refused = isinstance(self.credential, SharedKey) and response.status == 403
        return refused and self.clock.set_by(response.headers.get("Date"), "Azure Blob storage", signed_at_s)


def _check_success(what: str, status: int, headers: Headers, accepts: Tuple[int, ...]) -> None:
    """Raise WireError for a success that Azure would not have answered with: a proxy's page, for one."""
    if status not in accepts or "x-ms-request-id" not in headers:
        raise WireError(f"{what}: {status}, and the answer is not Azure's; is there a proxy that answers itself?")
