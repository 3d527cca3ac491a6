"""Download a large artifact by several ranges at a time. What is known of it still grows from its start."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future, wait
from itertools import islice
from typing import TYPE_CHECKING, Deque

from bkagent.artifacts.download.artifact_file import ArtifactFile
from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.store import ArtifactStore, FetchedHead
from bkagent.errors import AgentError, Cancelled, Unreachable, WireError
from bkagent.wire.artifacts import Artifact

if TYPE_CHECKING:
    from bkagent.transport.client.answer_reader import Sink

RANGES_COUNT = 10  # of one artifact at a time, as the reference asks S3 for them
_TRIES_COUNT = 3  # of one range, before all of them are tried again after a pause


class RangedFetch:
    """The rest of one artifact, from where its file ends."""

    def __init__(
        self, store: ArtifactStore, artifact: Artifact, file: ArtifactFile, threads: Executor, version: str
    ) -> None:
        self._store, self._artifact, self._file, self._threads = store, artifact, file, threads
        self.version = version
        self._is_stopped = False

    def run(self) -> None:
        """Download it. Raises as `ArtifactStore.fetch`, and WireError where the store sends something else."""
        file, whole_bytes = self._file, self._artifact.size
        sizes = ((at, min(self._store.range_bytes, whole_bytes - at)) for at in self._offsets())
        ahead: Deque[Future[int]] = deque()
        try:
            while True:
                for offset, size in islice(sizes, RANGES_COUNT - len(ahead)):
                    ahead.append(self._threads.submit(self._receive, offset, size))
                if not ahead:
                    return
                file.take_in(ahead.popleft().result())
        finally:
            self._is_stopped = True
            for future in ahead:
                future.cancel()
            wait(ahead)
            file.cut()

    def _offsets(self) -> range:
        return range(self._file.size, self._artifact.size, self._store.range_bytes)

    def _receive(self, offset: int, size: int) -> int:
        """Receive one range, in several tries if need be; return its size."""
        for number in range(1, _TRIES_COUNT + 1):
            try:
                self._receive_once(offset, size)
            except Unreachable as problem:
                if number == _TRIES_COUNT or not problem.may_retry or self._is_stopped:
                    raise
            else:
                break
        return size

    def _receive_once(self, offset: int, size: int) -> None:
        written_bytes = 0

        def write(data: bytes) -> None:
            nonlocal written_bytes
            if self._is_stopped:
                raise Cancelled(f"{self._artifact.path} was cancelled")
            if written_bytes + len(data) > size:
                raise WireError(f"the storage sent more than the {size} bytes that were asked for")
            self._file.write_at(offset + written_bytes, data)
            written_bytes += len(data)

        def receive(head: FetchedHead) -> Sink:
            self._check_head(head, offset)
            return write

        try:
            self._store.fetch(self._artifact, receive, FetchRange(offset, size, self.version))
            if written_bytes != size:
                raise Unreachable(f"the storage sent {written_bytes} of {size} bytes")
        except AgentError:
            self._file.forget_ahead(written_bytes)
            raise

    def _check_head(self, head: FetchedHead, offset: int) -> None:
        if head.decompressed or head.start_offset != offset or head.whole_bytes not in (None, self._artifact.size):
            raise WireError("the storage did not send the range that was asked for")
        if self.version and head.version != self.version:
            raise WireError("the artifact has changed while it was downloaded")
        self.version = self.version or head.version
