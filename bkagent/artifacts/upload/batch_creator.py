"""Create the records of batches, with names that hold no secrets."""

from __future__ import annotations

import time
from functools import partial

from bkagent.artifacts.stores.table import without_secrets
from bkagent.artifacts.thread_edge import run_to_end
from bkagent.artifacts.upload.described_file import sendable
from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.remote.commands import artifacts as records
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact, Created

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.upload.batch import UploadBatch
    from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
    from bkagent.artifacts.upload.options import UploadOptions
    from bkagent.remote.api_client import ApiClient
    from bkagent.remote.client import Client, PreparedRequest
    from bkagent.remote.commands.artifacts import CreationRequest
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation
    from bkagent.transport.client.request_line import RequestLine
    from bkagent.transport.client.request_loop import RequestLoop
    from bkagent.transport.client.small_answer import SmallAnswer

_REQUESTS_COUNT = 3  # at a time
_REDIRECTS = (301, 302, 303, 307, 308)


class _Creation(NamedTuple):
    """A batch, and the request that creates its records."""

    batch: UploadBatch
    request: CreationRequest
    began_s: float


class BatchCreator:
    """The thread of the loop calls its methods; that is woken when another one has created the records of a batch.

    The loop sends the requests. Where it cannot, as through the job's process, and for another try, threads do.

    scrub  takes out of names what must not leave the job
    """

    def __init__(
        self, client: ApiClient, job_id: str, store: ArtifactStore, journal: UploadJournal, options: UploadOptions,
        scrub: Callable[[List[str]], List[str]], stop: Cancellation, report: Report, loop: RequestLoop,
    ) -> None:  # fmt: skip
        self._client, self._job_id, self._store, self._journal = client, job_id, store, journal
        self._options, self._scrub, self._stop, self._report, self._loop = options, scrub, stop, report, loop
        self._threads = WorkThreads(_REQUESTS_COUNT)
        self._line: Optional[RequestLine] = None
        self._is_closed = False

    def put(self, batch: UploadBatch) -> None:
        """Have the records of a batch created. What prevents that becomes its problem."""
        client = self._client.that_connects
        if client is None:
            self._do_in_thread(partial(self.create, batch))
        else:
            self._run(batch, partial(self._send, client, batch))

    def create(self, batch: UploadBatch) -> None:
        """Create the records of a batch here, in any thread. What prevents that becomes its problem."""
        self._run(batch, lambda: self._create(self._creation_of(batch)))
        self._loop.wake()

    def close(self) -> None:
        """Let the threads end."""
        self._is_closed = True
        self._threads.close()

    def _run(self, batch: UploadBatch, work: Callable[[], None]) -> None:
        def take_problem(problem: Exception) -> None:
            batch.problem = problem
            self._loop.wake()

        run_to_end(work, take_problem)

    def _send(self, client: Client, batch: UploadBatch) -> None:
        """Have the loop send a request."""
        creation = self._creation_of(batch)
        if not creation.request.artifacts:
            self._create(creation)
            return
        if self._line is None:
            self._line = self._loop.add_line(client.pool, _REQUESTS_COUNT, records.CREATE_LIMIT_S)
        prepared = records.prepare_creation(client, creation.request)

        def answered(answer: Optional[SmallAnswer]) -> None:
            self._run(batch, lambda: self._take_answer(creation, prepared, answer))

        if not self._line.put(prepared.address, prepared.data, answered):
            self._try_again(creation)

    def _take_answer(self, creation: _Creation, prepared: PreparedRequest, answer: Optional[SmallAnswer]) -> None:
        if answer is None or answer.status in _REDIRECTS:
            self._try_again(creation)
            return
        try:
            created = creation.request.read(prepared.read(answer))
        except AgentError as problem:
            self._try_again(creation, problem)
        else:
            creation.request.check(created)
            self._note(creation, created)

    def _try_again(self, creation: _Creation, first_problem: Optional[AgentError] = None) -> None:
        """Have a thread create the records."""

        def create() -> None:
            self._run(creation.batch, partial(self._create, creation, first_problem))
            self._loop.wake()

        if not self._is_closed:
            self._do_in_thread(create)

    def _do_in_thread(self, work: Callable[[], None]) -> None:
        """Have a thread do something; where the system lets none be started, do it here."""
        try:
            self._threads.put(work)
        except RuntimeError:
            work()

    def _create(self, creation: _Creation, first_problem: Optional[AgentError] = None) -> None:
        created = Created((), ())
        if creation.request.artifacts:
            created = records.create(
                self._client, creation.request, wait=self._stop.wait, report=self._report, first_problem=first_problem
            )
        self._note(creation, created)

    def _note(self, creation: _Creation, created: Created) -> None:
        if created.ids:
            self._journal.note_created(creation.request.batch_id, created.ids)
        creation.batch.create_s = time.monotonic() - creation.began_s
        creation.batch.created = created

    def _creation_of(self, batch: UploadBatch) -> _Creation:
        began_s = time.monotonic()
        public = self._with_public_names([described.artifact for described in batch.readable])
        for described, artifact in zip(batch.readable, public):
            described.artifact = artifact
        artifacts = [_sendable(artifact) for artifact in public]
        request = records.CreationRequest(
            self._job_id, self._journal.batch_id(artifacts) if artifacts else "", artifacts,
            without_secrets(self._options.destination), self._options.multipart,
        )  # fmt: skip
        return _Creation(batch, request, began_s)

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
