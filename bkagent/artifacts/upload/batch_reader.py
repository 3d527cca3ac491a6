"""Read the files of batches: what is small here and now, what is large by other threads."""

from __future__ import annotations

from functools import partial

from bkagent.artifacts import digests
from bkagent.artifacts.thread_edge import run_to_end
from bkagent.artifacts.upload.content_types import ContentTypes
from bkagent.artifacts.upload.described_file import DescribedFile, sendable
from bkagent.errors import AgentError, Cancelled
from bkagent.transport.work_threads import WorkThreads
from bkagent.wire.artifacts import Artifact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from bkagent.artifacts.upload.batch import UploadBatch
    from bkagent.artifacts.upload.finding.collect import MatchedFile
    from bkagent.shell.cancellation import Cancellation

_THREADS_COUNT = 2  # checksums come at the pace of the disk with two


class BatchReader:
    """One thread calls its methods; `wake` is called in any thread when a large file has been read."""

    def __init__(self, content_type: str, stop: Cancellation, wake: Callable[[], None]) -> None:
        """`content_type` is that of every file, "" to tell it from names."""
        self._content_type, self._types, self._stop, self._wake = content_type, ContentTypes(), stop, wake
        self._threads = WorkThreads(_THREADS_COUNT)
        self._is_closed = False

    def read(self, batch: UploadBatch, is_single: bool) -> None:
        """Read what is small; have what is large read by threads, or here if the upload `is_single`, of one file."""
        for at, file in enumerate(batch.files):
            try:
                read = digests.read_small(file.absolute, is_single)
            except AgentError as problem:
                batch.leave_out(at, problem)
                continue
            if read is not None:
                batch.keep(at, self._describe(file, read))
            elif is_single:  # which is read by the time a thread for it has started
                self._read_large(batch, at)
            else:
                self._threads.put(partial(self._read_large, batch, at))

    def close(self) -> None:
        """End what is being read."""
        self._is_closed = True
        self._threads.close()

    def _read_large(self, batch: UploadBatch, at: int) -> None:
        def read() -> None:
            file = batch.files[at]
            content = digests.read(file.absolute, lambda: self._stop.requested or self._is_closed)
            batch.keep(at, self._describe(file, content))

        def take_problem(problem: Exception) -> None:
            if isinstance(problem, AgentError) and not isinstance(problem, Cancelled):
                batch.leave_out(at, problem)
            else:
                batch.problem = problem

        run_to_end(read, take_problem)
        self._wake()

    def _describe(self, file: MatchedFile, read: digests.Digests) -> DescribedFile:
        artifact = Artifact(
            path=sendable(file.path), absolute_path=file.absolute, size=read.size, sha1=read.sha1,
            sha256=read.sha256, content_type=self._content_type or self._types.of(file.path),
        )  # fmt: skip
        return DescribedFile(file, artifact, read.content, read.identity)
