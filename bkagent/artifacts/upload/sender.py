"""Send artifacts to a store, several requests at a time: each is begun, sent in its parts, and finished.

A request that fails is tried again by itself. What no try sends fails the artifact, which stops its other parts.

Large files have a thread for each request. Small ones, whose bytes are in memory, are sent by the thread that calls
`turn`, over several connections: thousands of them cost a third of the processor time so. Where one of them does not
arrive at once, it goes the way of the large ones.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Callable, Dict, List, Mapping, Optional, Set, TypeVar

from bkagent.artifacts import digests
from bkagent.artifacts.file_identity import FileChanged, FileWatch
from bkagent.artifacts.stores.answers import check
from bkagent.artifacts.stores.store import SILENCE_LIMIT_S, ArtifactStore, StoreUpload, UploadPart, WholeRequest
from bkagent.artifacts.upload.journal.upload_journal import places_of
from bkagent.errors import AgentError, Cancelled
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.request_loop import RequestLoop
from bkagent.transport.client.small_answer import SmallAnswer
from bkagent.transport.retry import Schedule, retry
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact, Instructions, StateChange
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.progress import TransferProgress
    from bkagent.artifacts.upload.described_file import DescribedFile
    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.state_reporter import StateReporter
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation
    from bkagent.transport.client.http_client import Pool

_WAIT_S = 1.0
_STOP_LIMIT_S = 10.0
_making = threading.Lock()

T = TypeVar("T")


class Sending:
    """One artifact on its way to the store.

    on_end         called, in any thread, when nothing of it is under way or waits any more
    is_stopped     by its own failure, or by the end of the whole upload
    problem        why it has failed
    first_problem  of the request that a turn has sent: it counts as the first try
    """

    __slots__ = (
        "described", "artifact", "instructions", "on_end", "is_stopped", "_stopped", "problem", "first_problem",
        "is_announced", "upload", "tags", "steps_count",
    )  # fmt: skip

    def __init__(
        self, described: DescribedFile, instructions: Optional[Instructions], on_end: Callable[[], None]
    ) -> None:  # fmt: skip
        self.described, self.artifact, self.instructions, self.on_end = (
            described, described.artifact, instructions, on_end,
        )  # fmt: skip
        self.is_stopped = False
        self._stopped: Optional[threading.Event] = None  # made when something waits, which is rare
        self.problem: Optional[AgentError] = None
        self.first_problem: Optional[AgentError] = None
        self.is_announced = False
        self.upload: Optional[StoreUpload] = None
        self.tags: Dict[int, str] = {}
        self.steps_count = 1  # submitted and not ended

    def stop(self) -> None:
        """Stop it, from any thread."""
        self.is_stopped = True
        if self._stopped is not None:
            self._stopped.set()

    def wait(self, seconds: float) -> bool:
        """Wait; return whether it is stopped, as soon as that is known."""
        with _making:
            if self._stopped is None:
                self._stopped = threading.Event()
        return self.is_stopped or self._stopped.wait(seconds)


class ArtifactSender:
    """Sends artifacts, several at a time. One thread submits them, takes turns, and closes it.

    requests_count  parts that were to be sent, whole files among them
    """

    def __init__(
        self,
        store: ArtifactStore,
        pool: Pool,
        stop: Cancellation,
        schedule: Schedule,
        report: Report,
        states: StateReporter,
        progress: TransferProgress,
        journal: UploadJournal,
        threads_count: int,
        connections_count: int,
        expected_count: int,
    ) -> None:
        self._progress, self._journal, self._left_count = progress, journal, expected_count
        self._store, self._stop, self._schedule, self._report, self._states = store, stop, schedule, report, states
        self._threads = WorkThreads(threads_count)
        self._loop = RequestLoop(pool, connections_count, SILENCE_LIMIT_S)
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._open: Set[Sending] = set()
        self._failed: List[Sending] = []
        self.requests_count = 0
        stop.on_request(self._stop_all)

    def submit(
        self, described: DescribedFile, instructions: Optional[Instructions], on_end: Callable[[], None]
    ) -> None:  # fmt: skip
        """Send an artifact as soon as possible."""
        sending = Sending(described, instructions, on_end)
        with self._lock:
            self._open.add(sending)
        if self._stop.requested:
            sending.stop()
        if described.content is None or not self._journal.is_empty or not self._send_whole(sending, described.content):
            self._put(sending, self._begin)

    def take_failed(self) -> List[Sending]:
        """Return what could not be sent since the last call."""
        with self._lock:
            failed, self._failed = self._failed, []
        return failed

    def turn(self, wait_s: float = _WAIT_S) -> None:
        """Send and receive what small files need, or wait until something has ended or `wake` is called."""
        self._loop.turn(wait_s)

    def wake(self) -> None:
        """End a turn that waits, from any thread."""
        self._loop.wake()

    def close(self) -> None:
        """Return when nothing is under way any more, or soon once the upload is stopped."""
        stopped_at_s: Optional[float] = None
        try:
            while self._open:
                self.turn()
                if self._stop.requested:
                    # An interrupt may have come just when an answer was taken, which nobody hears of any more.
                    stopped_at_s = stopped_at_s or time.monotonic()
                    if time.monotonic() - stopped_at_s > _STOP_LIMIT_S:
                        return
        finally:
            self._loop.close()
            self._threads.close()

    def _send_whole(self, sending: Sending, content: bytes) -> bool:
        """Send a small artifact at the next turns; return False where that cannot be done so."""
        artifact = sending.artifact
        try:
            request = self._store.whole_request(artifact, sending.instructions, content)
        except Exception:
            return False  # said again, and reported, on the way of all others
        if request is None:
            return False

        def answered(answer: Optional[SmallAnswer]) -> None:
            self._take_answer(sending, request, answer)

        if not self._loop.put(request.address, request.data, answered):
            return False
        self._report("info", _announcement(artifact))
        sending.is_announced = True
        with self._lock:
            self.requests_count += 1
        return True

    def _take_answer(self, sending: Sending, request: WholeRequest, answer: Optional[SmallAnswer]) -> None:
        if answer is not None and 200 <= answer.status < 300:
            self._step(sending, self._end_whole)
            return
        if answer is not None and answer.status not in (301, 302, 303, 307, 308):
            try:
                check(request.method, request.url, answer.response())
            except AgentError as problem:
                sending.first_problem = problem
            except OSError:
                pass  # headers that cannot be read: the next try will say so
        self._put(sending, self._begin)

    def _end_whole(self, sending: Sending) -> None:
        self._progress.add(sending.artifact.size)
        self._note_arrived(sending, {})

    def _put(self, sending: Sending, work: Callable[[Sending], None]) -> None:
        """Have a thread do a step; where the system lets none be started, do it here."""
        try:
            self._threads.put(lambda: self._step(sending, work))
        except RuntimeError:
            self._step(sending, work)

    def _step(self, sending: Sending, work: Callable[[Sending], None]) -> None:
        """Do a part of the work on one artifact, in a thread of its own; the last of them ends the artifact."""
        try:
            if not sending.is_stopped:
                work(sending)
        except Cancelled:
            pass
        except AgentError as problem:
            self._fail(sending, problem)
        except Exception as defect:  # the edge of a thread
            sys.excepthook(type(defect), defect, defect.__traceback__)
            self._fail(sending, AgentError("an internal error has ended its upload"))
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
            except Exception as problem:  # none of them may keep the artifact from its end
                self._report("debug", f"The storage could not be told to forget an upload: {problem}")
        self._progress.end_file()
        with self._lock:
            self._open.discard(sending)
            if sending.problem is not None:
                self._failed.append(sending)
            sending.described.content = None
        sending.on_end()
        if threading.get_ident() != self._owner:
            self._loop.wake()

    def _begin(self, sending: Sending) -> None:
        artifact, memory = sending.artifact, self._journal.memory(sending.artifact.id)
        if memory.told is not None:
            self._progress.add(artifact.size)
            if not memory.is_reported:
                self._states.add(StateChange(artifact.id, True, bool(memory.told), tuple(memory.told.items())))
            return
        upload = self._try(sending, lambda: self._store.begin(artifact, sending.instructions, memory.saved))
        sending.upload = upload
        if memory.places and memory.places == places_of(upload.parts) and memory.saved == upload.saved:
            sending.tags.update(memory.tags)
        elif len(upload.parts) > 1 or upload.saved:
            self._journal.note_begun(artifact.id, upload.saved, upload.parts)
        sending.tags.update(upload.kept_tags)
        self._progress.add(sum(part.size for part in upload.parts if part.number in sending.tags))
        left = [part for part in upload.parts if part.number not in sending.tags]
        with self._lock:
            self.requests_count += len(left) - sending.is_announced
        if upload.sequential or len(left) == 1:
            for part in left:
                self._send(sending, upload, part)
        elif left:
            with self._lock:
                sending.steps_count += len(left) - 1
            for part in left[1:]:
                self._put(sending, self._sending_of(upload, part))
            self._send(sending, upload, left[0])
        else:
            self._finish(sending, upload)

    def _sending_of(self, upload: StoreUpload, part: UploadPart) -> Callable[[Sending], None]:
        return lambda sending: self._send(sending, upload, part)

    def _send(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> None:
        """Send one part, and finish the artifact with the last of them."""
        if not sending.is_announced:
            artifact = sending.artifact
            text = _announcement_of_part(artifact, upload, part) if upload.in_parts else _announcement(artifact)
            self._report("info", text)
        tag = self._try(sending, lambda: self._send_once(sending, upload, part))
        if len(upload.parts) > 1:
            self._journal.note_part(sending.artifact.id, part.number, tag)
        with self._lock:
            sending.tags[part.number] = tag
            is_last = len(sending.tags) == len(upload.parts)
        if is_last:
            self._finish(sending, upload)

    def _send_once(self, sending: Sending, upload: StoreUpload, part: UploadPart) -> str:
        problem, sending.first_problem = sending.first_problem, None
        if problem is not None:
            raise problem
        sent_bytes = 0

        def count(size: int) -> None:
            nonlocal sent_bytes
            sent_bytes += size
            self._progress.add(size)

        artifact, described = sending.artifact, sending.described
        watch = FileWatch(artifact.absolute_path, described.identity, artifact.sha256, count)
        body = FileBody(artifact.absolute_path, part.size, part.offset, watch=watch, content=described.content)
        try:
            return upload.send(part, body)
        except AgentError:
            self._progress.add(-sent_bytes)
            raise

    def _finish(self, sending: Sending, upload: StoreUpload) -> None:
        identity = sending.described.identity
        if len(upload.parts) > 1 and identity is not None and identity.is_fresh:
            self._read_again(sending)
        self._note_arrived(sending, self._try(sending, lambda: upload.finish(sending.tags)))

    def _note_arrived(self, sending: Sending, told: Mapping[int, str]) -> None:
        with self._lock:
            self._left_count -= 1
        self._journal.note_arrived(sending.artifact.id, told, self._left_count > 0)
        self._states.add(StateChange(sending.artifact.id, True, bool(told), tuple(told.items())))

    def _read_again(self, sending: Sending) -> None:
        """Raise FileChanged if a file that was fresh when it was read has another sum by now: parts have none."""
        artifact = sending.artifact
        if digests.read(artifact.absolute_path, lambda: self._stop.requested).sha256 != artifact.sha256:
            raise FileChanged(artifact.absolute_path)

    def _try(self, sending: Sending, request: Callable[[], T]) -> T:
        """Return what `request` returns. Raises the last error of it, and Cancelled once the artifact is stopped."""

        def attempt(number: int) -> T:
            if sending.is_stopped:
                raise Cancelled(f"{sending.artifact.path} was cancelled")
            return request()

        return retry(
            attempt, self._schedule, wait=sending.wait, report=self._report,
            what=one_line(sending.artifact.path), may_retry=self._may_retry,
        )  # fmt: skip

    def _may_retry(self, error: Exception) -> bool:
        """Any response of the storage may change with a retry; a file that is unreadable or another one will not."""
        is_final = type(error) is AgentError or isinstance(error, (Cancelled, FileChanged))
        return not self._stop.requested and not is_final

    def _fail(self, sending: Sending, problem: AgentError) -> None:
        with self._lock:
            # What ends with the whole upload has not failed: its connection was closed before it was told.
            if sending.is_stopped or self._stop.requested:
                return
            sending.stop()
            sending.problem = problem
        level = "warn" if isinstance(problem, FileChanged) else "error"
        self._report(level, f"Artifact {one_line(sending.artifact.path)} could not be uploaded: {problem}")
        self._states.add(StateChange(sending.artifact.id, finished=False))

    def _stop_all(self) -> None:
        with self._lock:
            for sending in self._open:
                sending.stop()


def _announcement(artifact: Artifact) -> str:
    """Return what is said of a file, with the checksum that its download will name as well."""
    size = format_size(artifact.size)
    return f"Uploading {one_line(artifact.id)} {one_line(artifact.path)} ({size}) with SHA256 {artifact.sha256}"


def _announcement_of_part(artifact: Artifact, upload: StoreUpload, part: UploadPart) -> str:
    text = f"Uploading {one_line(artifact.id)} {one_line(artifact.path)} part {part.number}/{len(upload.parts)}"
    text += f" (~{format_size(part.size)} starting at ~{format_size(part.offset)})"
    # Once is enough: a large file has hundreds of parts.
    return text + (f" with SHA256 {artifact.sha256} of the whole" if part.number == 1 else "")
