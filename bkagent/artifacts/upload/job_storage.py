"""Small artifacts by way of the job's process, whose connection to the storage outlives this command.

A new connection takes longer than a small artifact itself: with TLS, three times to the server and back.
"""

from __future__ import annotations

from bkagent.artifacts.stores.store import SILENCE_LIMIT_S
from bkagent.transport.client.response import Headers, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Optional, Tuple

    from bkagent.artifacts.stores.store import WholeRequest
    from bkagent.transport.client.http_client import Pool

    StoreByJob = Callable[[str, str, str, bytes, float], Optional[Tuple[int, Mapping[str, str], bytes]]]

FILES_COUNT = 4  # more are sent faster over connections of the command's own, many at a time
_REQUEST_LIMIT_BYTES = 128 * 1024

# (method, URL, content type, body, longest wait in seconds) -> (status, headers, body), None where nothing was answered


class JobStorage:
    """Thread-safe. `pool` has the connections that the command would open itself."""

    def __init__(self, store: StoreByJob, pool: Pool) -> None:
        self._store, self._pool = store, pool

    def takes(self, request: WholeRequest) -> bool:
        """Return whether a request may go this way: a proxy or a log of the command's own would be passed by."""
        return len(request.data) <= _REQUEST_LIMIT_BYTES and self._pool.is_direct(request.address)

    def send(self, request: WholeRequest) -> Optional[Response]:
        """Send a request, once; return its answer, None where it must be sent in another way."""
        body = request.data.partition(b"\r\n\r\n")[2]
        answer = self._store(request.method, request.url, request.content_type, body, SILENCE_LIMIT_S)
        if answer is None:
            return None
        status, headers, body = answer
        return Response(status, Headers(headers.items()), body)
