"""A call whose answer is waited for later."""

from __future__ import annotations

from bkagent.errors import AgentError
from bkagent.remote.client import DEFAULT_TIMEOUT_S
from bkagent.remote.reply import read
from bkagent.transport.client import begun_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from bkagent.remote.client import Client
    from bkagent.remote.reply import Reply
    from bkagent.transport.client.begun_request import BegunRequest


class BegunCall:
    """A call that was sent; where that was not possible, `finish` does it."""

    def __init__(
        self, client: Client, method: str, path: str, document: object, request: Optional[BegunRequest]
    ) -> None:  # fmt: skip
        self._client, self._method, self._path, self._document = client, method, path, document
        self._request = request

    def finish(self) -> Reply:
        """Return the answer, once. Raises as `Client.call`."""
        request, self._request = self._request, None
        response = request.response() if request is not None else None
        if response is None:
            return self._client.call(self._method, self._path, document=self._document)
        name = self._client.name_of(self._method, self._path)
        return read(name, response.status, response.headers, response.body, expects_json=False)

    def abandon(self) -> None:
        """Do not wait for an answer that has not been read."""
        request, self._request = self._request, None
        if request is not None:
            request.abandon()


def begin(client: Client, method: str, path: str, document: object) -> BegunCall:
    """Send a request that may be sent twice, and do not wait for its answer."""
    target, headers, body = client.request_of(path, document)
    request: Optional[BegunRequest] = None
    try:
        request = begun_request.begin(
            client.pool, client.endpoint, method, target, headers, body, timeout_s=DEFAULT_TIMEOUT_S
        )
    except AgentError:
        pass  # `finish` says what is wrong
    return BegunCall(client, method, path, document, request)
