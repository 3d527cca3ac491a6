"""The steps by which artifacts are sent, several at a time in threads; the last step of an artifact ends it."""

from __future__ import annotations

import threading

from bkagent.artifacts.file_identity import FileChanged
from bkagent.artifacts.thread_edge import as_agent_error, run_to_end
from bkagent.errors import Cancelled
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Sequence, Set

    from bkagent.artifacts.upload.send_context import SendContext
    from bkagent.artifacts.upload.sending import Sending
    from bkagent.errors import AgentError

    Work = Callable[["Sending"], None]


class SendingSteps:
    """Does steps of artifacts that are open; what a step raises fails its artifact, and stops its other steps."""

    def __init__(self, context: SendContext, threads_count: int, wake: Callable[[], None]) -> None:
        """`wake` is called when an artifact has ended in another thread than that which has made this object."""
        self._context, self._wake = context, wake
        self._threads = WorkThreads(threads_count)
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._open: Set[Sending] = set()
        self._failed: List[Sending] = []

    @property
    def are_open(self) -> bool:
        """Whether an artifact has not ended."""
        return bool(self._open)

    def open(self, sending: Sending) -> None:
        """Take in an artifact, one step of which is to be put or done."""
        with self._lock:
            self._open.add(sending)
        if self._context.stop.requested:
            sending.stop()

    def announce(self, sending: Sending, steps_count: int) -> None:
        """Say that an artifact has so many steps more, before they are put."""
        with self._lock:
            sending.steps_count += steps_count

    def put(self, sending: Sending, work: Work) -> None:
        """Have a thread do a step; where the system lets none be started, do it here."""
        try:
            self._threads.put(lambda: self.do(sending, work))
        except RuntimeError:
            self.do(sending, work)

    def do(self, sending: Sending, work: Work) -> None:
        """Do a step here; where it is the last one, the artifact has ended."""
        self.do_together((sending,), lambda sendings: work(sending))

    def do_together(self, sendings: Sequence[Sending], work: Callable[[Sequence[Sending]], None]) -> None:
        """Do a step of several artifacts here, of those among them that are not stopped."""
        going = [sending for sending in sendings if not sending.is_stopped]
        try:
            if going:
                run_to_end(lambda: work(going), lambda problem: self._fail(going, problem))
        finally:  # an interrupt passes
            self._end_steps(sendings)

    def take_failed(self) -> List[Sending]:
        """Return what could not be sent since the last call."""
        with self._lock:
            failed, self._failed = self._failed, []
        return failed

    def stop_all(self) -> None:
        """Stop all artifacts that are open, from any thread."""
        with self._lock:
            for sending in self._open:
                sending.stop()

    def close(self) -> None:
        """Let the threads end."""
        self._threads.close()

    def _fail(self, sendings: Sequence[Sending], problem: Exception) -> None:
        if not isinstance(problem, Cancelled):
            error = as_agent_error(problem, "its upload")
            for sending in sendings:
                self._fail_with(sending, error)

    def _fail_with(self, sending: Sending, error: AgentError) -> None:
        with self._lock:
            # What ends with the whole upload has not failed: its connection was closed before it was told.
            if sending.is_stopped or self._context.stop.requested:
                return
            sending.stop()
            sending.problem = error
        level = "warn" if isinstance(error, FileChanged) else "error"
        self._context.report(level, f"Artifact {one_line(sending.artifact.path)} could not be uploaded: {error}")
        self._context.arrivals.note_failure(sending.artifact.id)

    def _end_steps(self, sendings: Sequence[Sending]) -> None:
        """Note the end of a step of each; end the artifacts of which it was the last one."""
        with self._lock:
            for sending in sendings:
                sending.steps_count -= 1
            ended = [sending for sending in sendings if not sending.steps_count]
        if not ended:
            return
        for sending in ended:
            if sending.problem is not None and sending.upload is not None:
                run_to_end(sending.upload.abandon, self._report_abandoned)
        self._context.progress.end_files(len(ended))
        with self._lock:
            self._open.difference_update(ended)
            self._failed += [sending for sending in ended if sending.problem is not None]
        for sending in ended:
            sending.described.content = None
            sending.on_end()
        if threading.get_ident() != self._owner:
            self._wake()

    def _report_abandoned(self, problem: Exception) -> None:
        self._context.report("debug", f"The storage could not be told to forget an upload: {problem}")
