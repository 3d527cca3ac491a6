"""Upload files as artifacts of a job: find them, read their checksums, create their records, send them, report them.

These steps overlap: the files of later batches are read while earlier ones are sent, a batch's records are created
while the batch before it is sent, and every second the control plane learns what has arrived.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Callable, Dict, List, Optional, Tuple

from bkagent.artifacts import destinations, digests, transfer
from bkagent.artifacts.collect import MatchedFile, Selection, collect
from bkagent.artifacts.content_types import ContentTypes
from bkagent.artifacts.state_reporter import StateReporter
from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
from bkagent.config.options import artifacts as rows
from bkagent.config.paths import tilde_home
from bkagent.errors import AgentError, Cancelled
from bkagent.remote import artifacts as records
from bkagent.transport.retry import Schedule, constant, retry
from bkagent.wire.artifacts import Artifact, StateChange
from bkagent.wire.go_duration import format_precise, format_rounded
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.config.compat import Compat
    from bkagent.config.settings import Settings


BATCH_COUNT = 30
SEND = constant(10, 5.0)
DEFAULT_CONCURRENCY = 16  # requests at a time; most of each one's life is spent waiting for the other side
_READERS_COUNT = 2  # checksums come at the pace of the disk with two
_NAMED_COUNT = 5  # failed artifacts whose errors are quoted


@dataclass(frozen=True)
class UploadOptions:
    """How to upload.

    destination   "" for the control plane's own storage
    content_type  of every file; "" to tell it from names
    concurrency   requests at a time; 0 for our own choice
    multipart     whether large files may be sent in parts
    schedule      of retries of what the storage does not take
    """

    selection: Selection = Selection()
    destination: str = ""
    content_type: str = ""
    concurrency: int = 0
    multipart: bool = True
    schedule: Schedule = SEND

    @classmethod
    def from_settings(cls, settings: Settings, destination: str, compat: Compat) -> UploadOptions:
        """Return what the rows `config.options.artifacts.UPLOAD` say, for a version of the reference."""
        selection = Selection(
            delimiter=settings[rows.DELIMITER], literal=settings[rows.LITERAL],
            follow_symlinks=settings[rows.FOLLOW], skip_symlinks=settings[rows.SKIP_SYMLINKS],
            normalised=compat.normalises_upload_paths,
        )  # fmt: skip
        return cls(
            selection, destination, settings[rows.CONTENT_TYPE], concurrency=settings[rows.CONCURRENCY],
            multipart=not settings[rows.NO_MULTIPART],
        )  # fmt: skip


def upload(
    context: TransferContext,
    job_id: str,
    paths: str,
    options: UploadOptions,
    *,
    scrub: Callable[[List[str]], List[str]] = lambda texts: texts,
) -> int:
    """Upload the files that `paths` names; return how many.

    `scrub` takes out of paths what must not leave the job. Raises AgentError saying what went wrong, Cancelled when the
    context's cancellation is requested meanwhile; what has been sent until then stays.
    """
    began = time.monotonic()
    report, home = context.report, tilde_home(context.environ)
    report("debug", f"Searching for {one_line(paths)}")
    try:
        files = collect(paths, options.selection, cwd=context.cwd, home=home, report=report)
    except AgentError as problem:
        raise AgentError(f"collecting artifacts: {problem}") from problem
    report("debug", f"Artifact path discovery finished in {format_precise(time.monotonic() - began)}")
    if not files:
        report("info", f"No files matched paths: {paths}")
        return 0
    report("info", f'Found {len(files)} files that match "{paths}"')
    if options.destination:
        destinations.check_upload(options.destination)
    report("info", "Uploading to default Buildkite artifact storage")
    with context.storage() as storage:
        _UploadRun(context, storage, job_id, options, scrub, collect_s=time.monotonic() - began).run(files)
    return len(files)


class _ArtifactUpload:
    """The upload of one artifact: how much is left, and whether it has failed."""

    def __init__(self, artifact: Artifact, units_count: int) -> None:
        self.artifact = artifact
        self.left_count, self.parts = units_count, units_count > 1
        self.etags: List[Tuple[int, str]] = []
        self.stopped = threading.Event()  # by a part that failed, or by the whole upload's end
        self.problem: Optional[AgentError] = None


class _UploadRun:
    """One run, from files to reported states."""

    def __init__(
        self,
        context: TransferContext,
        storage: StorageConnection,
        job_id: str,
        options: UploadOptions,
        scrub: Callable[[List[str]], List[str]],
        *,
        collect_s: float,
    ) -> None:
        self._context, self._report, self._pool, self._stop = context, context.report, storage.pool, storage.stop
        self._job_id, self._options, self._types, self._scrub = job_id, options, ContentTypes(), scrub
        self._lock = threading.Lock()
        self._sendings: List[_ArtifactUpload] = []
        self._workers_count = options.concurrency if options.concurrency > 0 else DEFAULT_CONCURRENCY
        self._seconds: Dict[str, float] = {"collect": collect_s, "create": 0.0}
        self._units_count = self._batches_count = 0

    def run(self, files: List[MatchedFile]) -> None:
        """Upload all. Raises AgentError naming the first failures, Cancelled."""
        began = time.monotonic()
        states = StateReporter(self._context.client, self._job_id, self._stop.wait, self._report, len(files))
        readers = ThreadPoolExecutor(_READERS_COUNT, thread_name_prefix="artifact-reader")
        senders = ThreadPoolExecutor(self._workers_count, thread_name_prefix="artifact-sender")
        self._stop.on_request(self._stop_all)
        try:
            try:
                self._send_batches(files, readers, senders, states)
            except KeyboardInterrupt:
                self._stop.request()
                raise
            finally:
                readers.shutdown(wait=True)
                senders.shutdown(wait=True)
        except AgentError:
            self._finish_quietly(states)
            raise
        self._seconds["upload"] = time.monotonic() - began - self._seconds["create"]
        states.finish()
        if self._stop.requested:
            raise Cancelled("the artifact upload was stopped")
        self._raise_failures()
        self._report("info", "Artifact uploads completed successfully")
        self._report_timings(files, states)

    def _send_batches(
        self, files: List[MatchedFile], readers: ThreadPoolExecutor, senders: ThreadPoolExecutor, states: StateReporter
    ) -> None:
        # One file is read by the time a thread for it has started.
        reads = readers.submit if len(files) > 1 else _run_now
        read = [reads(self._artifact, file) for file in files]
        under_way: List[List[Future[None]]] = []
        try:
            for start in range(0, len(read), BATCH_COUNT):
                batch = self._with_public_names([future.result() for future in read[start : start + BATCH_COUNT]])
                self._report("info", f"Creating ({start}-{start + len(batch)})/{len(read)} artifacts")
                under_way.append(self._create_and_send(batch, senders, states))
                if len(under_way) > 1:  # no more than one batch ahead: instructions to upload go stale
                    _wait(under_way.pop(0))
        finally:
            for future in read:
                future.cancel()
        for futures in under_way:
            _wait(futures)

    def _artifact(self, file: MatchedFile) -> Artifact:
        read = digests.read(file.absolute, lambda: self._stop.requested)
        if read.size > transfer.LARGEST_BYTES:
            raise AgentError(
                f"{one_line(file.path)} has {format_size(read.size)}, more than the "
                f"{format_size(transfer.LARGEST_BYTES)} that an artifact may have"
            )
        return Artifact(
            path=_sendable(file.path), absolute_path=file.absolute, size=read.size, sha1=read.sha1,
            sha256=read.sha256, content_type=self._options.content_type or self._types.of(file.path),
        )  # fmt: skip

    def _with_public_names(self, batch: List[Artifact]) -> List[Artifact]:
        """Return a batch with redacted names: they are also sent in the form of each file."""
        texts = self._scrub([artifact.path for artifact in batch] + [artifact.content_type for artifact in batch])
        return [
            replace(artifact, path=path, content_type=content_type)
            for artifact, path, content_type in zip(batch, texts, texts[len(batch) :])
        ]

    def _create_and_send(
        self, batch: List[Artifact], senders: ThreadPoolExecutor, states: StateReporter
    ) -> "List[Future[None]]":
        began = time.monotonic()
        sent = [replace(artifact, absolute_path=_sendable(artifact.absolute_path)) for artifact in batch]
        created = records.create(
            self._context.client, self._job_id, _new_id(), sent, destination=self._options.destination,
            multipart=self._options.multipart, wait=self._stop.wait, report=self._report,
        )  # fmt: skip
        took_s = time.monotonic() - began
        self._report("debug", f"Created {len(batch)} artifacts in {format_precise(took_s)}")
        self._seconds["create"] += took_s
        self._batches_count += 1
        futures = []
        for artifact, id, instructions in zip(batch, created.ids, created.instructions):
            units = transfer.units(replace(artifact, id=id), instructions)
            sending = _ArtifactUpload(units[0].artifact, len(units))
            with self._lock:
                self._sendings.append(sending)
                self._units_count += len(units)
            if self._stop.requested:
                sending.stopped.set()
            futures += [senders.submit(self._send, sending, unit, states) for unit in units]
        return futures

    def _send(self, sending: _ArtifactUpload, unit: transfer.Unit, states: StateReporter) -> None:
        """Send one unit, in a thread of the senders. Its failure stops the other parts of the artifact."""
        name = one_line(unit.artifact.path)

        def attempt(number: int) -> Tuple[int, str]:
            if sending.stopped.is_set():
                raise Cancelled(f"{unit.artifact.path} was cancelled")
            return transfer.send(self._pool, unit, self._context.user_agent)

        try:
            if sending.stopped.is_set():
                return
            self._report("info", _announcement(unit))
            etag = retry(
                attempt, self._options.schedule, wait=sending.stopped.wait, report=self._report, what=name,
                may_retry=self._may_retry,
            )  # fmt: skip
        except Cancelled:
            return
        except AgentError as problem:
            with self._lock:
                if sending.stopped.is_set():
                    return
                sending.stopped.set()
                sending.problem = problem
            self._report("error", f"Artifact {name} could not be uploaded: {problem}")
            states.add(StateChange(unit.artifact.id, finished=False))
            return
        self._note_sent(sending, unit, etag, states)

    def _note_sent(
        self, sending: _ArtifactUpload, unit: transfer.Unit, etag: Tuple[int, str], states: StateReporter
    ) -> None:
        with self._lock:
            sending.left_count -= 1
            if unit.count:
                sending.etags.append(etag)
            if sending.left_count or sending.stopped.is_set():
                return
        states.add(StateChange(unit.artifact.id, True, bool(unit.count), tuple(sending.etags)))

    def _may_retry(self, error: Exception) -> bool:
        """Any response of the storage may change with a retry; an unreadable file will not."""
        return not self._stop.requested and type(error) is not AgentError and not isinstance(error, Cancelled)

    def _stop_all(self) -> None:
        with self._lock:
            for sending in self._sendings:
                sending.stopped.set()

    def _finish_quietly(self, states: StateReporter) -> None:
        try:
            states.finish()
        except AgentError as problem:
            self._report("warn", f"The states of some artifacts could not be updated: {problem}")

    def _raise_failures(self) -> None:
        failed = [sending for sending in self._sendings if sending.problem is not None]
        if failed:
            first = failed[:_NAMED_COUNT]
            named = "; ".join(f"{one_line(sending.artifact.path)}: {sending.problem}" for sending in first)
            more = f" and {len(failed) - _NAMED_COUNT} more" if len(failed) > _NAMED_COUNT else ""
            raise AgentError(f"errors uploading artifacts: {named}{more}")

    def _report_timings(self, files: List[MatchedFile], states: StateReporter) -> None:
        size = sum(sending.artifact.size for sending in self._sendings)
        seconds = {**self._seconds, "state_update": states.seconds}
        phases = ("collect", "create", "upload", "state_update")
        spent = " ".join(f"{name}={format_rounded(seconds[name])}" for name in phases)
        self._report(
            "info",
            f"Artifact upload timings: {spent} artifacts={len(files)} bytes={format_size(size)} "
            f"batches={self._batches_count} work_units={self._units_count} "
            f"max_workers={min(self._workers_count, self._units_count)} state_updates={states.requests_count}",
        )


def _announcement(unit: transfer.Unit) -> str:
    text = f"Uploading {one_line(unit.artifact.id)} {one_line(unit.artifact.path)} "
    if not unit.count:
        return text + f"({format_size(unit.artifact.size)})"
    return text + f"part {unit.number}/{unit.count} (~{format_size(unit.size)} starting at ~{format_size(unit.offset)})"


def _run_now(work: Callable[[MatchedFile], Artifact], file: MatchedFile) -> "Future[Artifact]":
    done: Future[Artifact] = Future()
    try:
        done.set_result(work(file))
    except AgentError as problem:
        done.set_exception(problem)
    return done


def _wait(futures: "List[Future[None]]") -> None:
    for future in futures:
        future.result()


def _new_id() -> str:
    import uuid

    return str(uuid.uuid4())


def _sendable(path: str) -> str:
    """Return a path as JSON carries it; the bytes of a name that are not UTF-8 become replacement characters."""
    from bkagent.wire import go_decoding

    return go_decoding.replace_escaped(path)
