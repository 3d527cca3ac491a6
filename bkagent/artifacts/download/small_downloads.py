"""Download small artifacts of the control plane's own storage by one thread, over several connections.

A thread for each request spends more processor time on handing over the interpreter than on a request of some
kilobytes. Only the plain course is taken here: what does not arrive at once, and whole, is given back to be downloaded
like any other.
"""

from __future__ import annotations

from bkagent.artifacts.stores.store import SILENCE_LIMIT_S
from bkagent.artifacts.stores.table import is_destination
from bkagent.errors import ConfigError
from bkagent.system.small_digests import sha256_hex_for
from bkagent.transport.client import address
from bkagent.transport.client.connection import head_start
from bkagent.transport.client.http_client import checked_headers
from bkagent.transport.client.request_loop import RequestLoop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Sequence

    from bkagent.artifacts.download.plan import PlannedDownload
    from bkagent.transport.client.http_client import Pool
    from bkagent.transport.client.small_answer import SmallAnswer

LIMIT_BYTES = 64 * 1024
_CONNECTIONS_COUNT = 80
_PREPARED_COUNT = 2 * _CONNECTIONS_COUNT
_WAIT_S = 1.0


def is_small(planned: PlannedDownload) -> bool:
    """Return whether an artifact may be downloaded here."""
    artifact = planned.artifact
    is_elsewhere = bool(artifact.upload_destination) and is_destination(artifact.upload_destination)
    return artifact.size <= LIMIT_BYTES and bool(artifact.url) and not planned.problem and not is_elsewhere


class SmallDownloads:
    """Downloads artifacts: `put` gets content and SHA-256 of each, `give_back` what does not come as uploaded."""

    def __init__(
        self,
        pool: Pool,
        user_agent: str,
        put: Callable[[PlannedDownload, bytes, str], None],
        give_back: Callable[[PlannedDownload], None],
    ) -> None:
        self._loop = RequestLoop()
        self._line = self._loop.add_line(pool, _CONNECTIONS_COUNT, SILENCE_LIMIT_S)
        self._headers = checked_headers({"User-Agent": user_agent})
        self._put, self._give_back = put, give_back

    def run(self, planned: Sequence[PlannedDownload]) -> None:
        """Return when each artifact has been put or given back."""
        to_come, self._sha256_hex = iter(planned), sha256_hex_for(sum(each.artifact.size for each in planned))
        try:
            while True:
                while self._loop.open_count < _PREPARED_COUNT:
                    following = next(to_come, None)
                    if following is None:
                        break
                    if not self._ask_for(following):
                        self._give_back(following)
                if not self._loop.open_count:
                    return
                self._line.connect()
                self._loop.turn(_WAIT_S)
        finally:
            self._loop.close()

    def _ask_for(self, planned: PlannedDownload) -> bool:
        try:
            target = address.parse(planned.artifact.url)
        except ConfigError:
            return False  # said again, and reported, by the ordinary download
        head = head_start("GET", target.target, target, self._headers) + b"\r\n\r\n"
        return self._line.put(target, head, lambda answer: self._take(planned, answer))

    def _take(self, planned: PlannedDownload, answer: Optional[SmallAnswer]) -> None:
        if answer is not None and answer.status == 200:
            artifact, content = planned.artifact, answer.body
            sha256 = self._sha256_hex(content)
            if sha256 == artifact.sha256.lower() or (not artifact.sha256 and len(content) == artifact.size):
                self._put(planned, content, sha256)
                return
        self._give_back(planned)
