"""Send artifacts to a store, several requests at a time: each is begun, sent in its parts, and finished.

A request that fails is tried again by itself. What no try sends fails the artifact, which stops its other parts.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, TypeVar

from bkagent.artifacts.stores.store import ArtifactStore, StoreUpload, UploadPart
from bkagent.errors import AgentError, Cancelled
from bkagent.transport.body import FileBody
from bkagent.transport.retry import Schedule, retry
from bkagent.wire.artifacts import Artifact, Instructions, StateChange
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.progress import TransferProgress
    from bkagent.artifacts.state_reporter import StateReporter
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation

T = TypeVar("T")


class Sending:
    """One artifact on its way to the store.

    stopped  by its own failure, or by the end of the whole upload
    ended    nothing of it is under way or waits any more
    problem  why it has failed
    """

    def __init__(self, artifact: Artifact, instructions: Optional[Instructions]) -> None:
        self.artifact, self.instructions = artifact, instructions
        self.stopped = threading.Event()
        self.ended: Future[None] = Future()
        self.problem: Optional[AgentError] = None
        self.upload: Optional[StoreUpload] = None
        self.tags: Dict[int, str] = {}
        self.steps_count = 1  # submitted and not ended


class ArtifactSender:
    """Sends artifacts by a number of threads. `requests_count`: parts that were to be sent, whole files among them."""

    def __init__(
        self,
        store: ArtifactStore,
        stop: Cancellation,
        schedule: Schedule,
        report: Report,
        states: StateReporter,
        progress: TransferProgress,
        threads_count: int,
    ) -> None:
        self._progress = progress
        self._store, self._stop, self._schedule, self._report, self._states = store, stop, schedule, report, states
        self._threads = ThreadPoolExecutor(threads_count, thread_name_prefix="artifact-sender")
        self._lock = threading.Lock()
        self._sendings: List[Sending] = []
        self.requests_count = 0
        stop.on_request(self._stop_all)

    def submit(self, artifact: Artifact, instructions: Optional[Instructions]) -> Sending:
        """Send an artifact as soon as a thread is free."""
        sending = Sending(artifact, instructions)
        with self._lock:
            self._sendings.append(sending)
        if self._stop.requested:
            sending.stopped.set()
        self._threads.submit(self._step, sending, self._begin)
        return sending

    def close(self) -> None:
        """Return when nothing is under way any more."""
        for sending in self._sendings:
            sending.ended.result()
        self._threads.shutdown(wait=True)

    @property
    def failed(self) -> List[Sending]:
        """What could not be sent."""
        return [sending for sending in self._sendings if sending.problem is not None]

    def _step(self, sending: Sending, work: Callable[[Sending], None]) -> None:
        """Do a part of the work on one artifact, in a thread of its own; the last of them ends the artifact."""
        try:
            if not sending.stopped.is_set():
                work(sending)
        except Cancelled:
            pass
        except AgentError as problem:
            self._fail(sending, problem)
        finally:
            with self._lock:
                sending.steps_count -= 1
                is_last = not sending.steps_count
            if is_last:
                self._end(sending)

    def _end(self, sending: Sending) -> None:
        if sending.problem is not None and sending.upload is not None:
            try:
                sending.upload.abandon()
            except AgentError as problem:
                self._report("debug", f"The storage could not be told to forget an upload: {problem}")
        self._progress.end_file()
        sending.ended.set_result(None)

    def _begin(self, sending: Sending) -> None:
        upload = self._try(sending, lambda: self._store.begin(sending.artifact, sending.instructions, {}))
        sending.upload = upload
        sending.tags.update(upload.kept_tags)
        left = [part for part in upload.parts if part.number not in sending.tags]
        with self._lock:
            self.requests_count += len(left)
        if upload.sequential or len(left) == 1:
            for part in left:
                self._send(sending, upload, part)
        elif left:
            with self._lock:
                sending.steps_count += len(left) - 1
            for part in left[1:]:
                self._threads.submit(self._step, sending, self._sends(upload, part))
            self._send(sending, upload, left[0])
        else:
            self._finish(sending, upload)

    def _sends(self, upload: StoreUpload, part: UploadPart) -> Callable[[Sending], None]:
        return lambda sending: self._send(sending, upload, part)

    def _send(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> None:
        """Send one part, and finish the artifact with the last of them."""
        self._report("info", _announcement(sending.artifact, upload, part))
        tag = self._try(sending, lambda: self._send_once(sending, upload, part))
        with self._lock:
            sending.tags[part.number] = tag
            is_last = len(sending.tags) == len(upload.parts)
        if is_last:
            self._finish(sending, upload)

    def _send_once(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> str:
        sent_bytes = 0

        def count(size: int) -> None:
            nonlocal sent_bytes
            sent_bytes += size
            self._progress.add(size)

        try:
            return upload.send(part, FileBody(sending.artifact.absolute_path, part.size, part.offset, sent=count))
        except AgentError:
            self._progress.add(-sent_bytes)
            raise

    def _finish(self, sending: Sending, upload: StoreUpload) -> None:
        told = self._try(sending, lambda: upload.finish(sending.tags))
        self._states.add(StateChange(sending.artifact.id, True, bool(told), tuple(told.items())))

    def _try(self, sending: Sending, request: Callable[[], T]) -> T:
        """Return what `request` returns. Raises the last error of it, and Cancelled once the artifact is stopped."""

        def attempt(number: int) -> T:
            if sending.stopped.is_set():
                raise Cancelled(f"{sending.artifact.path} was cancelled")
            return request()

        return retry(
            attempt, self._schedule, wait=sending.stopped.wait, report=self._report,
            what=one_line(sending.artifact.path), may_retry=self._may_retry,
        )  # fmt: skip

    def _may_retry(self, error: Exception) -> bool:
        """Any response of the storage may change with a retry; an unreadable file will not."""
        return not self._stop.requested and type(error) is not AgentError and not isinstance(error, Cancelled)

    def _fail(self, sending: Sending, problem: AgentError) -> None:
        with self._lock:
            if sending.stopped.is_set():
                return
            sending.stopped.set()
            sending.problem = problem
        self._report("error", f"Artifact {one_line(sending.artifact.path)} could not be uploaded: {problem}")
        self._states.add(StateChange(sending.artifact.id, finished=False))

    def _stop_all(self) -> None:
        with self._lock:
            for sending in self._sendings:
                sending.stopped.set()


def _announcement(artifact: Artifact, upload: StoreUpload, part: UploadPart) -> str:
    text = f"Uploading {one_line(artifact.id)} {one_line(artifact.path)} "
    if not upload.in_parts:
        return text + f"({format_size(artifact.size)})"
    share = f"(~{format_size(part.size)} starting at ~{format_size(part.offset)})"
    return text + f"part {part.number}/{len(upload.parts)} {share}"
