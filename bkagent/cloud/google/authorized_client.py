"""Requests to APIs of Google that carry an access token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Optional

from bkagent.config.secret import Secret

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.cloud.google.default_credentials import Credentials
    from bkagent.transport.client.answer_reader import OpenSink
    from bkagent.transport.client.body import Body
    from bkagent.transport.client.response import Response


class AuthorizedClient:
    """Thread-safe. Redirects are not followed: in uploads to Cloud Storage 308 says how much has arrived."""

    def __init__(self, context: CloudContext, credentials: Credentials) -> None:
        self._context, self._tokens = context, credentials.tokens

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
        *,
        timeout_s: float,
        open_sink: Optional[OpenSink] = None,
    ) -> Response:
        """Send one request and return its answer. After a 401 it is sent again, once, with a new token.

        Raises as `Pool.request_url`, and what the source of tokens raises.
        """

        def attempt(token: Secret) -> Response:
            sent = {
                "User-Agent": self._context.user_agent, "Authorization": f"Bearer {token.reveal()}", **headers,
            }  # fmt: skip
            return self._context.pool.request_url(
                method, url, sent, body, timeout_s=timeout_s, open_sink=open_sink, follow_redirects=False
            )

        token = self._tokens.get()
        response = attempt(token)
        if response.status != 401:
            return response
        self._tokens.discard(token)
        return attempt(self._tokens.get())
