"""Send artifacts to a store, several requests at a time.

Large files have a thread for each request. Small ones are sent by the thread that calls `turn`, over several
connections.
"""

from __future__ import annotations

import time

from bkagent.artifacts.stores.store import SILENCE_LIMIT_S
from bkagent.artifacts.upload.file_parts import FileParts
from bkagent.artifacts.upload.sending import Sending
from bkagent.artifacts.upload.steps import SendingSteps
from bkagent.artifacts.upload.whole_files import WholeFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional

    from bkagent.artifacts.upload.described_file import DescribedFile
    from bkagent.artifacts.upload.send_context import SendContext
    from bkagent.transport.client.http_client import Pool
    from bkagent.transport.client.request_loop import RequestLoop
    from bkagent.wire.artifacts import Instructions

_WAIT_S = 1.0
_STOP_LIMIT_S = 10.0


class ArtifactSender:
    """Sends artifacts, several at a time. One thread submits them, takes turns, and closes it.

    It closes the loop as well.
    """

    def __init__(
        self, context: SendContext, pool: Pool, loop: RequestLoop, threads_count: int, connections_count: int
    ) -> None:  # fmt: skip
        self._stop, self._journal = context.stop, context.arrivals.journal
        self._loop, line = loop, loop.add_line(pool, connections_count, SILENCE_LIMIT_S)
        self._steps = SendingSteps(context, threads_count, self._loop.wake)
        self._parts = FileParts(context, self._steps)
        self._whole = WholeFiles(context, line, self._steps, self._send_in_parts)
        context.stop.on_request(self._steps.stop_all)

    @property
    def requests_count(self) -> int:
        """Parts that were to be sent, whole files among them."""
        return self._parts.requests_count + self._whole.requests_count

    def submit(
        self, described: DescribedFile, instructions: Optional[Instructions], on_end: Callable[[], None]
    ) -> None:  # fmt: skip
        """Send an artifact as soon as possible."""
        sending, content = Sending(described, instructions, on_end), described.content
        self._steps.open(sending)
        if content is None or not self._journal.is_empty or not self._whole.send(sending, content):
            self._send_in_parts(sending)

    def take_failed(self) -> List[Sending]:
        """Return what could not be sent since the last call."""
        return self._steps.take_failed()

    def turn(self, wait_s: float = _WAIT_S) -> None:
        """Send and receive what small files need, or wait until something has ended or the loop is woken."""
        self._loop.turn(wait_s)
        self._whole.end_arrived()

    def close(self) -> None:
        """Return when nothing is under way any more, or soon once the upload is stopped."""
        stopped_at_s: Optional[float] = None
        try:
            while self._steps.are_open:
                self.turn()
                if self._stop.requested:
                    # An interrupt may have come just when an answer was taken, which nobody hears of any more.
                    stopped_at_s = stopped_at_s or time.monotonic()
                    if time.monotonic() - stopped_at_s > _STOP_LIMIT_S:
                        return
        finally:
            self._loop.close()
            self._whole.end_arrived()  # what was answered just when an interrupt came
            self._steps.close()

    def _send_in_parts(self, sending: Sending) -> None:
        self._steps.put(sending, self._parts.begin)
