"""The tries to download one artifact: each goes on where the one before has ended, if that is safe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from bkagent.artifacts.download.artifact_file import ArtifactFile
from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.store import ArtifactStore, FetchedHead
from bkagent.errors import Refused, Unreachable, WireError
from bkagent.wire.artifacts import Artifact

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from bkagent.transport.client.answer_reader import Sink

RESUMED_BYTES = 64 * 1024  # less than this is sooner sent again than asked for by a range
_RANGE_NOT_SATISFIABLE = 416


class ArtifactFetch:
    """One artifact of a store, and the file that it goes to, which may have its beginning already."""

    def __init__(
        self, store: ArtifactStore, artifact: Artifact, file: ArtifactFile, threads: Callable[[], Executor]
    ) -> None:
        """`threads` returns those that receive ranges; those that call `attempt` are others."""
        self._store, self._artifact, self._file, self._threads = store, artifact, file, threads
        self._takes_ranges = 0 < store.range_bytes < artifact.size
        self._sha256 = artifact.sha256.lower()
        self._version = ""
        self._is_as_uploaded = True  # not while the store compresses it on the way

    @property
    def may_resume(self) -> bool:
        """Whether what has come is of use to another try: the whole will be checked, or the store knows its version."""
        is_checked = self._sha256 or _is_strong(self._version)
        return bool(self._is_as_uploaded and is_checked and self._file.size >= RESUMED_BYTES)

    def attempt(self) -> None:
        """Try once. Raises as `ArtifactStore.fetch`, and Unreachable for content that is not that of the artifact."""
        file = self._file
        if file.size and not (self.may_resume and file.size <= self._artifact.size):
            file.restart()
        is_received = self._is_complete() or (self._takes_ranges and self._receive_ranges())
        if not is_received:
            self._receive()
        self._check()

    def _is_complete(self) -> bool:
        """Return whether nothing is left to download: an earlier run was killed after the last byte."""
        return bool(self._file.size and self._file.size == self._artifact.size and self._file.sha256 == self._sha256)

    def _receive_ranges(self) -> bool:
        """Receive what is missing by several ranges at a time; return whether the store has sent them."""
        from bkagent.artifacts.download.ranged_fetch import RangedFetch  # a file that comes as one needs none of it

        ranged = RangedFetch(self._store, self._artifact, self._file, self._threads(), self._version)
        try:
            ranged.run()
        except (WireError, Refused):
            self._takes_ranges = False
            self._file.restart()
            return False
        finally:
            self._version = ranged.version if _is_strong(ranged.version) else ""
        # Without a checksum nothing else says that all ranges are of one version.
        is_safe = bool(self._sha256 or self._version)
        if not is_safe:
            self._takes_ranges = False
            self._file.restart()
        return is_safe

    def _receive(self) -> None:
        offset = self._file.size
        try:
            rest = FetchRange(offset, version=self._version if offset else "")
            self._store.fetch(self._artifact, self._sink_for, rest)
        except WireError:  # of the range
            self._file.restart()
            raise
        except Refused as problem:
            if not offset or problem.status != _RANGE_NOT_SATISFIABLE:
                raise
            self._file.restart()
            self._store.fetch(self._artifact, self._sink_for)

    def _sink_for(self, head: FetchedHead) -> Sink:
        """Take the beginning of an answer: it may be that of the whole, whatever was asked for. RFC 9110, 14.2."""
        if head.start_offset != self._file.size:
            if head.start_offset:
                raise WireError(f"the storage sent bytes from {head.start_offset} on, not from {self._file.size}")
            self._file.restart()
        self._is_as_uploaded = not head.decompressed
        self._version = head.version if _is_strong(head.version) else ""
        return self._file.write

    def _check(self) -> None:
        if not self._is_as_uploaded:
            return
        size, sha256 = self._file.size, self._file.sha256
        if self._sha256:
            if sha256 == self._sha256:
                return
            problem = f"checksum of downloaded content {sha256} != uploaded checksum {self._sha256}"
        elif not self._artifact.size or size == self._artifact.size:
            return
        else:
            problem = f"{size} bytes were downloaded, but {self._artifact.size} were uploaded"
        self._file.restart()
        raise Unreachable(problem)


def _is_strong(version: str) -> bool:
    """Return whether a version changes with every byte. RFC 9110, 8.8.1: weak ETags do not, and select no range."""
    return bool(version) and not version.startswith("W/")
