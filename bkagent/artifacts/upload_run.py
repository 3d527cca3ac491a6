"""One run of an upload, from files to reported states."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Dict, List

from bkagent.artifacts import digests
from bkagent.artifacts.artifact_sender import ArtifactSender, Sending
from bkagent.artifacts.collect import MatchedFile
from bkagent.artifacts.content_types import ContentTypes
from bkagent.artifacts.state_reporter import StateReporter
from bkagent.artifacts.stores.table import without_secrets
from bkagent.errors import AgentError, Cancelled
from bkagent.remote import artifacts as records
from bkagent.wire.artifacts import Artifact
from bkagent.wire.go_duration import format_precise, format_rounded
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
    from bkagent.artifacts.upload_options import UploadOptions

BATCH_COUNT = 30
DEFAULT_CONCURRENCY = 16  # requests at a time; most of each one's life is spent waiting for the other side
_READERS_COUNT = 2  # checksums come at the pace of the disk with two
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
        self._workers_count = options.concurrency if options.concurrency > 0 else DEFAULT_CONCURRENCY
        self._seconds: Dict[str, float] = {"collect": collect_s, "create": 0.0}
        self._batches_count = self._sent_bytes = 0

    def run(self, files: List[MatchedFile]) -> None:
        """Upload all. Raises AgentError naming the first failures, Cancelled."""
        began = time.monotonic()
        states = StateReporter(self._context.client, self._job_id, self._stop.wait, self._report, len(files))
        readers = ThreadPoolExecutor(_READERS_COUNT, thread_name_prefix="artifact-reader")
        progress = self._context.progress("Uploaded")
        progress.expect(len(files), lambda: sum(map(_size_bytes, files)))
        sender = ArtifactSender(
            self._store, self._stop, self._options.schedule, self._report, states, progress, self._workers_count
        )  # fmt: skip
        try:
            try:
                self._send_batches(files, readers, sender)
            except KeyboardInterrupt:
                self._stop.request()
                raise
            finally:
                readers.shutdown(wait=True)
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

    def _send_batches(self, files: List[MatchedFile], readers: ThreadPoolExecutor, sender: ArtifactSender) -> None:
        # One file is read by the time a thread for it has started.
        reads = readers.submit if len(files) > 1 else _run_now
        read = [reads(self._artifact, file) for file in files]
        under_way: List[List[Sending]] = []
        try:
            for start in range(0, len(read), BATCH_COUNT):
                batch = self._with_public_names([future.result() for future in read[start : start + BATCH_COUNT]])
                self._report("info", f"Creating ({start}-{start + len(batch)})/{len(read)} artifacts")
                under_way.append(self._create_and_send(batch, sender))
                if len(under_way) > 1:  # no more than one batch ahead: instructions to upload go stale
                    _wait(under_way.pop(0))
        finally:
            for future in read:
                future.cancel()
        for sendings in under_way:
            _wait(sendings)

    def _artifact(self, file: MatchedFile) -> Artifact:
        read = digests.read(file.absolute, lambda: self._stop.requested)
        return Artifact(
            path=_sendable(file.path), absolute_path=file.absolute, size=read.size, sha1=read.sha1,
            sha256=read.sha256, content_type=self._options.content_type or self._types.of(file.path),
        )  # fmt: skip

    def _with_public_names(self, batch: List[Artifact]) -> List[Artifact]:
        """Return a batch with redacted names, which also stand in URLs and in the form of each file."""
        texts = self._scrub([artifact.path for artifact in batch] + [artifact.content_type for artifact in batch])
        return [
            replace(artifact, path=path, content_type=content_type, url=self._store.url_of(path))
            for artifact, path, content_type in zip(batch, texts, texts[len(batch) :])
        ]

    def _create_and_send(self, batch: List[Artifact], sender: ArtifactSender) -> List[Sending]:
        began = time.monotonic()
        sent = [replace(artifact, absolute_path=_sendable(artifact.absolute_path)) for artifact in batch]
        created = records.create(
            self._context.client, self._job_id, _new_id(), sent,
            destination=without_secrets(self._options.destination), multipart=self._options.multipart,
            wait=self._stop.wait, report=self._report,
        )  # fmt: skip
        took_s = time.monotonic() - began
        self._report("debug", f"Created {len(batch)} artifacts in {format_precise(took_s)}")
        self._seconds["create"] += took_s
        self._batches_count += 1
        self._sent_bytes += sum(artifact.size for artifact in batch)
        return [
            sender.submit(replace(artifact, id=id), instructions)
            for artifact, id, instructions in zip(batch, created.ids, created.instructions)
        ]

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


def _run_now(work: Callable[[MatchedFile], Artifact], file: MatchedFile) -> "Future[Artifact]":
    done: Future[Artifact] = Future()
    try:
        done.set_result(work(file))
    except AgentError as problem:
        done.set_exception(problem)
    return done


def _wait(sendings: List[Sending]) -> None:
    for sending in sendings:
        sending.ended.result()


def _size_bytes(file: MatchedFile) -> int:
    try:
        return os.stat(file.absolute).st_size
    except OSError:  # said when it is read
        return 0


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())


def _sendable(path: str) -> str:
    """Return a path as JSON carries it; the bytes of a name that are not UTF-8 become replacement characters."""
    from bkagent.wire import go_decoding

    return go_decoding.replace_escaped(path)
