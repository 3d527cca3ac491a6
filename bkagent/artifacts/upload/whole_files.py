"""Small files, whose bytes are in memory: each goes in one request, sent by the thread that takes turns.

Thousands of them cost a third of the processor time so, compared with a thread for each, and what has arrived by the
same turn is noted together. A few go by the job's process (`job_storage`). Where one of them does not arrive at once,
it goes the way of the large ones.
"""

from __future__ import annotations

from bkagent.artifacts.stores.answers import check, is_page
from bkagent.artifacts.thread_edge import run_to_end
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Sequence, Union

    from bkagent.artifacts.stores.store import WholeRequest
    from bkagent.artifacts.upload.job_storage import JobStorage
    from bkagent.artifacts.upload.send_context import SendContext
    from bkagent.artifacts.upload.sending import Sending
    from bkagent.artifacts.upload.steps import SendingSteps
    from bkagent.transport.client.request_line import RequestLine
    from bkagent.transport.client.response import Response
    from bkagent.transport.client.small_answer import SmallAnswer

_REDIRECTS = (301, 302, 303, 307, 308)


class WholeFiles:
    """One thread calls its methods. `give_back` gets what has not arrived; `requests_count` of them were sent."""

    def __init__(
        self, context: SendContext, line: RequestLine, steps: SendingSteps, give_back: Callable[[Sending], None]
    ) -> None:
        self._context, self._line, self._steps, self._give_back = context, line, steps, give_back
        self._arrived: List[Sending] = []
        self.requests_count = 0

    def send(self, sending: Sending, content: bytes) -> bool:
        """Send a file at the next turns; return False where that cannot be done so."""
        request = self._request_of(sending, content)
        if request is None:
            return False

        def answered(answer: Optional[SmallAnswer]) -> None:
            self._take_answer(sending, request, answer)

        by_job = self._context.by_job
        goes_by_job = by_job is not None and by_job.takes(request)
        if not goes_by_job and not self._line.put(request.address, request.data, answered):
            return False
        self._context.report("info", sending.announcement)
        sending.is_announced = True
        self.requests_count += 1
        if by_job is not None and goes_by_job:  # last: the step may be over at once
            self._steps.put(sending, lambda sending: self._send_by_job(sending, request, by_job))
        return True

    def end_arrived(self) -> None:
        """End the artifacts that have arrived since the last call."""
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self._steps.do_together(arrived, self._note_arrived)

    def _request_of(self, sending: Sending, content: bytes) -> Optional[WholeRequest]:
        """Return the request; None where there is none, or where it fails, which is said on the way of all others."""
        requests: List[Optional[WholeRequest]] = []
        store, artifact, instructions = self._context.store, sending.artifact, sending.instructions
        run_to_end(lambda: requests.append(store.whole_request(artifact, instructions, content)), lambda problem: None)
        return requests[0] if requests else None

    def _send_by_job(self, sending: Sending, request: WholeRequest, by_job: JobStorage) -> None:
        """Send a file, as a step in a thread of its own."""
        response = by_job.send(request)
        if response is not None and _is_success(response):
            self._note_arrived((sending,))
            return
        if response is not None:
            _note_problem(sending, request, response)
        self._steps.announce(sending, 1)
        self._give_back(sending)

    def _take_answer(self, sending: Sending, request: WholeRequest, answer: Optional[SmallAnswer]) -> None:
        if answer is not None and _is_success(answer):
            self._arrived.append(sending)
            return
        if answer is not None:
            try:
                _note_problem(sending, request, answer.response())
            except OSError:
                pass  # headers that cannot be read: the next try will say so
        self._give_back(sending)

    def _note_arrived(self, sendings: Sequence[Sending]) -> None:
        self._context.progress.add(sum(sending.artifact.size for sending in sendings))
        self._context.arrivals.note_whole([sending.artifact.id for sending in sendings])


def _is_success(answer: Union[Response, SmallAnswer]) -> bool:
    return 200 <= answer.status < 300 and not is_page(answer.status, answer.body)


def _note_problem(sending: Sending, request: WholeRequest, response: Response) -> None:
    """Note why a file has not arrived; a redirect is followed by the next try."""
    if response.status in _REDIRECTS:
        return
    try:
        check(request.method, request.url, response)
    except AgentError as problem:
        sending.first_problem = problem
