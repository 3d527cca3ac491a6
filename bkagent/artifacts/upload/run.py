"""One run of an upload, from files to reported states."""

from __future__ import annotations

import os
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Callable, Deque, Dict, List, NamedTuple

from bkagent.artifacts import digests
from bkagent.artifacts.file_identity import FileChanged
from bkagent.artifacts.stores.table import without_secrets
from bkagent.artifacts.upload.batch import FILES_COUNT, UploadBatch
from bkagent.artifacts.upload.content_types import ContentTypes
from bkagent.artifacts.upload.described_file import DescribedFile
from bkagent.artifacts.upload.finding.collect import MatchedFile
from bkagent.artifacts.upload.sender import ArtifactSender
from bkagent.artifacts.upload.state_reporter import StateReporter
from bkagent.errors import AgentError, Cancelled
from bkagent.remote.commands import artifacts as records
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact, Created
from bkagent.wire.go_duration import format_precise, format_rounded
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.options import UploadOptions

DEFAULT_CONCURRENCY = 16  # requests at a time; most of each one's life is spent waiting for the other side
_SMALL_CONCURRENCY = 32  # of small files, whose requests need no thread each
_READERS_COUNT = 2  # checksums come at the pace of the disk with two
_CREATORS_COUNT = 3  # requests at a time for the records of batches
# Batches that are under way at a time. No more than one ahead where files are large: instructions to upload go stale.
_BATCHES_COUNT, _SMALL_BATCHES_COUNT = 2, 6
_ROUNDS_COUNT = 3  # of files that change while they are uploaded
_NAMED_COUNT = 5  # failed artifacts whose errors are quoted


class _Failure(NamedTuple):
    """A file that could not be uploaded, by its artifact path, and why."""

    path: str
    reason: str


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
        *,
        collect_s: float,
    ) -> None:
        self._context, self._report, self._stop, self._store = context, context.report, storage.stop, store
        self._journal, self._failures = journal, []  # type: UploadJournal, List[_Failure]
        self._job_id, self._options, self._types, self._scrub = job_id, options, ContentTypes(), scrub
        self._pool, self._workers_count = storage.pool, options.concurrency or DEFAULT_CONCURRENCY
        self._readers, self._creators = WorkThreads(_READERS_COUNT), WorkThreads(_CREATORS_COUNT)
        self._is_over = False
        self._seconds: Dict[str, float] = {"collect": collect_s, "create": 0.0}
        self._batches_count = self._sent_bytes = 0

    def run(self, files: List[MatchedFile]) -> None:
        """Upload all. Raises AgentError naming the first failures, Cancelled."""
        began = time.monotonic()
        states = StateReporter(
            self._context.client, self._job_id, self._stop.wait, self._report, len(files), self._journal.note_reported
        )  # fmt: skip
        progress = self._context.progress("Uploaded")
        progress.expect(len(files), lambda: sum(map(size_of, files)))
        sender = ArtifactSender(
            self._store, self._pool, self._stop, self._options.schedule, self._report, states, progress,
            self._journal, self._workers_count, self._options.concurrency or _SMALL_CONCURRENCY, len(files),
        )  # fmt: skip
        try:
            try:
                self._send_all(files, sender)
            except KeyboardInterrupt:
                self._stop.request()
                raise
            finally:
                self._is_over = True
                self._readers.close()
                self._creators.close()
                sender.close()
                progress.end()
        except AgentError as problem:
            self._finish_quietly(states)
            self._journal.close(remove=not isinstance(problem, Cancelled))
            raise
        self._seconds["upload"] = time.monotonic() - began - self._seconds["create"]
        states.finish()
        self._journal.close(remove=not self._stop.requested)
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        _raise_failures(self._failures)
        self._report("info", "Artifact uploads completed successfully")
        self._report_timings(files, sender, states)

    def _send_all(self, files: List[MatchedFile], sender: ArtifactSender) -> None:
        """Send all files, those that change meanwhile again and as new artifacts."""
        for rounds_left in reversed(range(_ROUNDS_COUNT)):
            self._send_batches(files, sender)
            failed, files = sender.take_failed(), []
            for sending in failed:
                path = one_line(sending.artifact.path)
                if isinstance(sending.problem, FileChanged) and rounds_left and not self._stop.requested:
                    files.append(sending.described.file)
                    self._report("info", f"{path} has changed: it is read again, and gets a new artifact")
                else:
                    self._failures.append(_Failure(sending.artifact.path, str(sending.problem)))
            if not files:
                return

    def _send_batches(self, files: List[MatchedFile], sender: ArtifactSender) -> None:
        starts = range(0, len(files), FILES_COUNT)
        to_come = (UploadBatch(start, files[start : start + FILES_COUNT]) for start in starts)
        under_way: Deque[UploadBatch] = deque()
        has_more = True
        while True:
            while has_more and self._may_begin(under_way):
                batch = next(to_come, None)
                if batch is None:
                    has_more = False
                    break
                under_way.append(batch)
                self._read(batch, sender, len(files) == 1)
                self._go_on(under_way, len(files), sender)
                sender.turn(0.0)
            while under_way and under_way[0].is_ended and under_way[0].is_read:
                self._note_unread(under_way.popleft())
            self._go_on(under_way, len(files), sender)
            if not under_way and not has_more:
                return
            if not (has_more and self._may_begin(under_way)):
                sender.turn()

    def _note_unread(self, batch: UploadBatch) -> None:
        for file, problem in batch.unread:
            self._report("error", f"Artifact {one_line(file.path)} could not be uploaded: {problem}")
            self._failures.append(_Failure(file.path, str(problem)))

    def _may_begin(self, under_way: Deque[UploadBatch]) -> bool:
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        if any(batch.problem is not None for batch in under_way):
            return False
        are_small = all(batch.is_small for batch in under_way)
        return len(under_way) < (_SMALL_BATCHES_COUNT if are_small else _BATCHES_COUNT)

    def _read(self, batch: UploadBatch, sender: ArtifactSender, is_single: bool) -> None:
        """Read what is small; have what is large read by other threads."""
        for at, file in enumerate(batch.files):
            try:
                read = digests.read_small(file.absolute)
            except AgentError as problem:
                batch.leave_out(at, problem)
                continue
            if read is not None:
                batch.keep(at, self._describe(file, read))
            elif is_single:  # which is read by the time a thread for it has started
                self._read_large(batch, at, sender)
            else:
                self._readers.put(partial(self._read_large, batch, at, sender))

    def _read_large(self, batch: UploadBatch, at: int, sender: ArtifactSender) -> None:
        file = batch.files[at]
        try:
            read = digests.read(file.absolute, lambda: self._stop.requested or self._is_over)
            batch.keep(at, self._describe(file, read))
        except AgentError as problem:
            if isinstance(problem, Cancelled):
                batch.problem = problem
            else:
                batch.leave_out(at, problem)
        except BaseException as problem:  # the edge of a thread; raised again by the upload's own
            batch.problem = problem
        sender.wake()

    def _describe(self, file: MatchedFile, read: digests.Digests) -> DescribedFile:
        artifact = Artifact(
            path=sendable(file.path), absolute_path=file.absolute, size=read.size, sha1=read.sha1,
            sha256=read.sha256, content_type=self._options.content_type or self._types.of(file.path),
        )  # fmt: skip
        return DescribedFile(file, artifact, read.content, read.identity)

    def _go_on(self, under_way: Deque[UploadBatch], files_count: int, sender: ArtifactSender) -> None:
        """Begin to create the batches that have been read, and to send those that have been created, both in order."""
        if under_way and under_way[0].problem is not None:
            raise under_way[0].problem  # now that the batches before it have been sent
        for batch in under_way:
            if not batch.is_read or batch.problem is not None:
                break
            if not batch.is_being_created:
                batch.is_being_created = True
                end = batch.first + len(batch.files)
                self._report("info", f"Creating ({batch.first}-{end})/{files_count} artifacts")
                if files_count <= FILES_COUNT:
                    self._create(batch, sender)
                else:
                    self._creators.put(partial(self._create, batch, sender))
        for batch in under_way:
            if batch.created is None or batch.problem is not None:
                break
            if not batch.is_sent:
                batch.is_sent = True
                self._send(batch, batch.created, sender)

    def _create(self, batch: UploadBatch, sender: ArtifactSender) -> None:
        """Create the records of a batch, in a thread of its own where there are several."""
        began = time.monotonic()
        try:
            public = self._with_public_names([described.artifact for described in batch.readable])
            for described, artifact in zip(batch.readable, public):
                described.artifact = artifact
            batch.created = self._create_records([_sendable_artifact(artifact) for artifact in public])
            batch.create_s = time.monotonic() - began
        except BaseException as problem:  # the edge of a thread; raised again by the upload's own
            batch.problem = problem
        sender.wake()

    def _create_records(self, artifacts: List[Artifact]) -> Created:
        if not artifacts:
            return Created((), ())
        batch_id = self._journal.batch_id(artifacts)
        created = records.create(
            self._context.client, self._job_id, batch_id, artifacts,
            destination=without_secrets(self._options.destination), multipart=self._options.multipart,
            wait=self._stop.wait, report=self._report,
        )  # fmt: skip
        self._journal.note_created(batch_id, created.ids)
        return created

    def _with_public_names(self, batch: List[Artifact]) -> List[Artifact]:
        """Return a batch with redacted names, which also stand in URLs and in the form of each file."""
        texts = self._scrub([artifact.path for artifact in batch] + [artifact.content_type for artifact in batch])
        return [
            _with(artifact, path=path, content_type=content_type, url=self._store.url_of(path))
            for artifact, path, content_type in zip(batch, texts, texts[len(batch) :])
        ]

    def _send(self, batch: UploadBatch, created: Created, sender: ArtifactSender) -> None:
        self._report("debug", f"Created {len(batch.files)} artifacts in {format_precise(batch.create_s)}")
        self._seconds["create"] += batch.create_s
        self._batches_count += 1
        for described, id, instructions in zip(batch.readable, created.ids, created.instructions):
            self._sent_bytes += described.artifact.size
            described.artifact = described.artifact._replace(id=id)
            sender.submit(described, instructions, batch.end_one)
        batch.described = []

    def _finish_quietly(self, states: StateReporter) -> None:
        try:
            states.finish()
        except AgentError as problem:
            self._report("warn", f"The states of some artifacts could not be updated: {problem}")

    def _report_timings(self, files: List[MatchedFile], sender: ArtifactSender, states: StateReporter) -> None:
        seconds = {**self._seconds, "state_update": states.seconds}
        phases = ("collect", "create", "upload", "state_update")
        spent = " ".join(f"{name}={format_rounded(seconds[name])}" for name in phases)
        self._report(
            "info",
            f"Artifact upload timings: {spent} artifacts={len(files)} bytes={format_size(self._sent_bytes)} "
            f"batches={self._batches_count} work_units={sender.requests_count} "
            f"max_workers={min(self._workers_count, sender.requests_count)} state_updates={states.requests_count}",
        )


def _raise_failures(failures: List[_Failure]) -> None:
    if failures:
        named = "; ".join(f"{one_line(failure.path)}: {failure.reason}" for failure in failures[:_NAMED_COUNT])
        more = f" and {len(failures) - _NAMED_COUNT} more" if len(failures) > _NAMED_COUNT else ""
        raise AgentError(f"errors uploading artifacts: {named}{more}")


def _with(artifact: Artifact, **fields: str) -> Artifact:
    """Return an artifact with these fields, itself where it has them: to make a copy costs more than to look."""
    if all(getattr(artifact, name) == value for name, value in fields.items()):
        return artifact
    return artifact._replace(**fields)  # type: ignore[arg-type]


def _sendable_artifact(artifact: Artifact) -> Artifact:
    return _with(artifact, absolute_path=sendable(artifact.absolute_path))


def size_of(file: MatchedFile) -> int:
    """Return the size of a file for now, 0 where it has gone."""
    try:
        return os.stat(file.absolute).st_size
    except OSError:  # said when it is read
        return 0


def sendable(path: str) -> str:
    """Return a path as JSON carries it; the bytes of a name that are not UTF-8 become replacement characters."""
    from bkagent.wire import go_decoding

    return go_decoding.replace_escaped(path)
