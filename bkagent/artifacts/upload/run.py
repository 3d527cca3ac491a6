"""One run of an upload, from files to reported states."""

from __future__ import annotations

import time

from bkagent.artifacts.file_identity import FileChanged
from bkagent.artifacts.upload.arrivals import Arrivals
from bkagent.artifacts.upload.batch_creator import BatchCreator
from bkagent.artifacts.upload.batch_reader import BatchReader
from bkagent.artifacts.upload.batches import Failure, UploadBatches
from bkagent.artifacts.upload.finding.collect import MatchedFile
from bkagent.artifacts.upload.job_storage import FILES_COUNT, JobStorage
from bkagent.artifacts.upload.send_context import SendContext
from bkagent.artifacts.upload.sender import ArtifactSender
from bkagent.artifacts.upload.state_reporter import StateReporter
from bkagent.errors import AgentError, Cancelled
from bkagent.transport.client.request_loop import RequestLoop
from bkagent.wire.go_duration import format_rounded
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Sequence

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.options import UploadOptions

DEFAULT_CONCURRENCY = 16  # requests at a time; most of each one's life is spent waiting for the other side
_SMALL_CONCURRENCY = 32  # of small files, whose requests need no thread each
_ROUNDS_COUNT = 3  # of files that change while they are uploaded
_NAMED_COUNT = 5  # failed artifacts whose errors are quoted


class UploadRun:
    """Uploads files to a store that is prepared."""

    def __init__(
        self,
        context: TransferContext,
        storage: StorageConnection,
        store: ArtifactStore,
        journal: UploadJournal,
        job_id: str,
        options: UploadOptions,
        scrub: Callable[[List[str]], List[str]],
        files: Sequence[MatchedFile],
        *,
        collect_s: float,
    ) -> None:
        """`collect_s` is how long it took to find the files."""
        self._report, self._stop, self._journal = context.report, storage.stop, journal
        self._files, self._collect_s = files, collect_s
        self._workers_count = options.concurrency or DEFAULT_CONCURRENCY
        self._states = StateReporter(
            context.client, job_id, self._stop.wait, self._report, len(files), journal.note_reported
        )
        self._progress = context.progress("Uploaded")
        self._progress.expect(len(files), lambda: sum(file.size_for_now for file in files))
        arrivals = Arrivals(self._states, journal, len(files))
        store_by_job = context.store_by_job if len(files) <= FILES_COUNT else None
        by_job = JobStorage(store_by_job, storage.pool) if store_by_job is not None else None
        sending = SendContext(store, self._stop, options.schedule, self._report, self._progress, arrivals, by_job)
        connections_count = options.concurrency or _SMALL_CONCURRENCY
        loop = RequestLoop()
        self._sender = ArtifactSender(sending, storage.pool, loop, self._workers_count, connections_count)
        self._reader = BatchReader(options.content_type, self._stop, loop.wake)
        self._creator = BatchCreator(
            context.client, job_id, store, journal, options, scrub, self._stop, self._report, loop
        )
        self._batches = UploadBatches(self._reader, self._creator, self._sender, self._stop, self._report)
        self._failures = self._batches.unread

    def run(self) -> None:
        """Upload all. Raises AgentError naming the first failures, Cancelled."""
        began = time.monotonic()
        try:
            self._send_to_the_end()
        except AgentError as problem:
            self._finish_quietly()
            self._journal.close(remove=not isinstance(problem, Cancelled))
            raise
        upload_s = time.monotonic() - began - self._batches.create_s
        self._states.finish()
        self._journal.close(remove=not self._stop.requested)
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        _raise_failures(self._failures)
        self._report("info", "Artifact uploads completed successfully")
        self._report_timings(upload_s)

    def _send_to_the_end(self) -> None:
        """Send all files, and close what only that needs."""
        try:
            self._send_all()
        except AgentError:
            raise
        except BaseException:  # an interrupt, or a defect, after which what is under way may never end
            self._stop.request()
            raise
        finally:
            self._reader.close()
            self._creator.close()
            self._sender.close()
            self._progress.end()

    def _send_all(self) -> None:
        """Send all files, those that change meanwhile again and as new artifacts."""
        files = self._files
        for rounds_left in reversed(range(_ROUNDS_COUNT)):
            self._batches.send(files)
            files = self._files_to_repeat(rounds_left)
            if not files:
                return

    def _files_to_repeat(self, rounds_left: int) -> List[MatchedFile]:
        """Return the files that have changed; what has failed otherwise is noted."""
        files = []
        for sending in self._sender.take_failed():
            path = one_line(sending.artifact.path)
            if isinstance(sending.problem, FileChanged) and rounds_left and not self._stop.requested:
                files.append(sending.described.file)
                self._progress.begin_again(sending.arrived_bytes)
                self._report("info", f"{path} has changed: it is read again, and gets a new artifact")
            else:
                self._failures.append(Failure(sending.artifact.path, str(sending.problem)))
        return files

    def _finish_quietly(self) -> None:
        try:
            self._states.finish()
        except AgentError as problem:
            self._report("warn", f"The states of some artifacts could not be updated: {problem}")

    def _report_timings(self, upload_s: float) -> None:
        batches, requests_count = self._batches, self._sender.requests_count
        seconds = {
            "collect": self._collect_s, "create": batches.create_s, "upload": upload_s,
            "state_update": self._states.seconds,
        }  # fmt: skip
        spent = " ".join(f"{name}={format_rounded(phase_s)}" for name, phase_s in seconds.items())
        self._report(
            "info",
            f"Artifact upload timings: {spent} artifacts={len(self._files)} bytes={format_size(batches.sent_bytes)} "
            f"batches={batches.batches_count} work_units={requests_count} "
            f"max_workers={min(self._workers_count, requests_count)} state_updates={self._states.requests_count}",
        )


def _raise_failures(failures: List[Failure]) -> None:
    if failures:
        named = "; ".join(f"{one_line(failure.path)}: {failure.reason}" for failure in failures[:_NAMED_COUNT])
        more = f" and {len(failures) - _NAMED_COUNT} more" if len(failures) > _NAMED_COUNT else ""
        raise AgentError(f"errors uploading artifacts: {named}{more}")
