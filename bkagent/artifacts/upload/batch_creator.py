"""Create the records of batches, with names that hold no secrets."""

from __future__ import annotations

import time
from functools import partial

from bkagent.artifacts.stores.table import without_secrets
from bkagent.artifacts.thread_edge import run_to_end
from bkagent.artifacts.upload.described_file import sendable
from bkagent.remote.commands import artifacts as records
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact, Created

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.upload.batch import UploadBatch
    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.options import UploadOptions
    from bkagent.remote.reply import ApiClient
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation

_THREADS_COUNT = 3  # requests at a time


class BatchCreator:
    """One thread calls its methods; `wake` is called in any thread when the records of a batch are there.

    scrub  takes out of names what must not leave the job
    """

    def __init__(
        self, client: ApiClient, job_id: str, store: ArtifactStore, journal: UploadJournal, options: UploadOptions,
        scrub: Callable[[List[str]], List[str]], stop: Cancellation, report: Report, wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._client, self._job_id, self._store, self._journal = client, job_id, store, journal
        self._options, self._scrub, self._stop, self._report, self._wake = options, scrub, stop, report, wake
        self._threads = WorkThreads(_THREADS_COUNT)

    def put(self, batch: UploadBatch) -> None:
        """Have a thread create the records of a batch."""
        self._threads.put(partial(self.create, batch))

    def create(self, batch: UploadBatch) -> None:
        """Create the records of a batch here. What prevents that becomes its problem."""

        def take_problem(problem: Exception) -> None:
            batch.problem = problem

        run_to_end(partial(self._create, batch), take_problem)
        self._wake()

    def close(self) -> None:
        """Let the threads end."""
        self._threads.close()

    def _create(self, batch: UploadBatch) -> None:
        began = time.monotonic()
        public = self._with_public_names([described.artifact for described in batch.readable])
        for described, artifact in zip(batch.readable, public):
            described.artifact = artifact
        batch.created = self._create_records([_sendable(artifact) for artifact in public])
        batch.create_s = time.monotonic() - began

    def _create_records(self, artifacts: List[Artifact]) -> Created:
        if not artifacts:
            return Created((), ())
        batch_id = self._journal.batch_id(artifacts)
        created = records.create(
            self._client, self._job_id, batch_id, artifacts,
            destination=without_secrets(self._options.destination), multipart=self._options.multipart,
            wait=self._stop.wait, report=self._report,
        )  # fmt: skip
        self._journal.note_created(batch_id, created.ids)
        return created

    def _with_public_names(self, batch: List[Artifact]) -> List[Artifact]:
        """Return a batch with redacted names, which also stand in URLs and in the form of each file."""
        texts = [artifact.path for artifact in batch] + [artifact.content_type for artifact in batch]
        public = self._scrub(texts)
        urls = [self._store.url_of(path) for path in public[: len(batch)]]
        if public == texts and not any(urls):
            return batch
        return [
            artifact._replace(path=path, content_type=content_type, url=url)
            for artifact, path, content_type, url in zip(batch, public, public[len(batch) :], urls)
        ]


def _sendable(artifact: Artifact) -> Artifact:
    """Return an artifact as JSON carries it; itself where it can, since to make a copy costs more than to look."""
    path = sendable(artifact.absolute_path)
    return artifact if path == artifact.absolute_path else artifact._replace(absolute_path=path)
