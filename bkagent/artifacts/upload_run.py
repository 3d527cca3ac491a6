"""One run of an upload, from files to reported states."""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Callable, Deque, Dict, List

from bkagent.artifacts import digests
from bkagent.artifacts.artifact_sender import ArtifactSender, Sending
from bkagent.artifacts.collect import MatchedFile
from bkagent.artifacts.content_types import ContentTypes
from bkagent.artifacts.state_reporter import StateReporter
from bkagent.artifacts.stores.table import without_secrets
from bkagent.artifacts.upload_batch import FILES_COUNT, UploadBatch
from bkagent.errors import AgentError, Cancelled
from bkagent.remote import artifacts as records
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact
from bkagent.wire.go_duration import format_precise, format_rounded
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
    from bkagent.artifacts.upload_options import UploadOptions
    from bkagent.wire.artifacts import Created

DEFAULT_CONCURRENCY = 16  # requests at a time; most of each one's life is spent waiting for the other side
_SMALL_CONCURRENCY = 32  # of small files, whose requests need no thread each
_READERS_COUNT = 2  # checksums come at the pace of the disk with two
_CREATORS_COUNT = 3  # requests at a time for the records of batches
# Batches that are under way at a time. No more than one ahead where files are large: instructions to upload go stale.
_BATCHES_COUNT, _SMALL_BATCHES_COUNT = 2, 6
_NAMED_COUNT = 5  # failed artifacts whose errors are quoted


class UploadRun:
    """Uploads files to a store that is prepared."""

    def __init__(
        self,
        context: TransferContext,
        storage: StorageConnection,
        store: ArtifactStore,
        job_id: str,
        options: UploadOptions,
        scrub: Callable[[List[str]], List[str]],
        *,
        collect_s: float,
    ) -> None:
        self._context, self._report, self._stop, self._store = context, context.report, storage.stop, store
        self._job_id, self._options, self._types, self._scrub = job_id, options, ContentTypes(), scrub
        self._pool, self._workers_count = storage.pool, options.concurrency or DEFAULT_CONCURRENCY
        self._readers, self._creators = WorkThreads(_READERS_COUNT), WorkThreads(_CREATORS_COUNT)
        self._is_over = False
        self._seconds: Dict[str, float] = {"collect": collect_s, "create": 0.0}
        self._batches_count = self._sent_bytes = 0

    def run(self, files: List[MatchedFile]) -> None:
        """Upload all. Raises AgentError naming the first failures, Cancelled."""
        began = time.monotonic()
        states = StateReporter(self._context.client, self._job_id, self._stop.wait, self._report, len(files))
        progress = self._context.progress("Uploaded")
        progress.expect(len(files), lambda: sum(map(_size_bytes, files)))
        sender = ArtifactSender(
            self._store, self._pool, self._stop, self._options.schedule, self._report, states, progress,
            self._workers_count, self._options.concurrency or _SMALL_CONCURRENCY,
        )  # fmt: skip
        try:
            try:
                self._send_batches(files, sender)
            except KeyboardInterrupt:
                self._stop.request()
                raise
            finally:
                self._is_over = True
                self._readers.close()
                self._creators.close()
                sender.close()
                progress.end()
        except AgentError:
            self._finish_quietly(states)
            raise
        self._seconds["upload"] = time.monotonic() - began - self._seconds["create"]
        states.finish()
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        _raise_failures(sender.failed)
        self._report("info", "Artifact uploads completed successfully")
        self._report_timings(files, sender, states)

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
            while under_way and under_way[0].is_ended:
                under_way.popleft()
            self._go_on(under_way, len(files), sender)
            if not under_way and not has_more:
                return
            if not (has_more and self._may_begin(under_way)):
                sender.turn()

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
                batch.problem = problem
                return
            if read is not None:
                batch.keep(at, self._artifact(file, read), read.content)
            elif is_single:  # which is read by the time a thread for it has started
                self._read_large(batch, at, sender)
            else:
                self._readers.put(partial(self._read_large, batch, at, sender))

    def _read_large(self, batch: UploadBatch, at: int, sender: ArtifactSender) -> None:
        file = batch.files[at]
        try:
            read = digests.read(file.absolute, lambda: self._stop.requested or self._is_over)
            batch.keep(at, self._artifact(file, read), None)
        except BaseException as problem:  # the edge of a thread; raised again by the upload's own
            batch.problem = problem
        sender.wake()

    def _artifact(self, file: MatchedFile, read: digests.Digests) -> Artifact:
        return Artifact(
            path=_sendable(file.path), absolute_path=file.absolute, size=read.size, sha1=read.sha1,
            sha256=read.sha256, content_type=self._options.content_type or self._types.of(file.path),
        )  # fmt: skip

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
            public = self._with_public_names([artifact for artifact in batch.artifacts if artifact is not None])
            batch.artifacts = list(public)
            batch.created = records.create(
                self._context.client, self._job_id, _new_id(), [_sendable_artifact(artifact) for artifact in public],
                destination=without_secrets(self._options.destination), multipart=self._options.multipart,
                wait=self._stop.wait, report=self._report,
            )  # fmt: skip
            batch.create_s = time.monotonic() - began
        except BaseException as problem:  # the edge of a thread; raised again by the upload's own
            batch.problem = problem
        sender.wake()

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
        for artifact, content, id, instructions in zip(
            batch.artifacts, batch.contents, created.ids, created.instructions
        ):
            assert artifact is not None
            self._sent_bytes += artifact.size
            sender.submit(replace(artifact, id=id), instructions, content, batch.end_one)
        batch.contents = []

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


def _raise_failures(failed: List[Sending]) -> None:
    if failed:
        named = "; ".join(f"{one_line(sending.artifact.path)}: {sending.problem}" for sending in failed[:_NAMED_COUNT])
        more = f" and {len(failed) - _NAMED_COUNT} more" if len(failed) > _NAMED_COUNT else ""
        raise AgentError(f"errors uploading artifacts: {named}{more}")


def _with(artifact: Artifact, **fields: str) -> Artifact:
    """Return an artifact with these fields, itself where it has them: to make a copy costs more than to look."""
    if all(getattr(artifact, name) == value for name, value in fields.items()):
        return artifact
    return replace(artifact, **fields)  # type: ignore[arg-type]


def _sendable_artifact(artifact: Artifact) -> Artifact:
    return _with(artifact, absolute_path=_sendable(artifact.absolute_path))


def _size_bytes(file: MatchedFile) -> int:
    try:
        return os.stat(file.absolute).st_size
    except OSError:  # said when it is read
        return 0


def _new_id() -> str:
    """Return a random UUID. RFC 9562, section 5.4; the package of that name takes its time to be loaded."""
    octets = bytearray(os.urandom(16))
    octets[6], octets[8] = octets[6] & 0x0F | 0x40, octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _sendable(path: str) -> str:
    """Return a path as JSON carries it; the bytes of a name that are not UTF-8 become replacement characters."""
    from bkagent.wire import go_decoding

    return go_decoding.replace_escaped(path)
