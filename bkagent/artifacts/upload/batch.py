"""Files whose records are created by one request: they are read, created, and sent."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence, Tuple

    from bkagent.artifacts.upload.described_file import DescribedFile
    from bkagent.artifacts.upload.finding.collect import MatchedFile
    from bkagent.errors import AgentError
    from bkagent.wire.artifacts import Created

FILES_COUNT = 30


class UploadBatch:
    """One batch. Other threads than that of the upload call methods and set `created` or `problem`, nothing else.

    first      number of its first file in the upload
    described  what is known of each file, None until it has been read
    unread     files that could not be read, and why
    created    the records, with the names that were sent; `create_s` is how long that took
    problem    why no record could be created, or why the upload has ended
    """

    def __init__(self, first: int, files: "Sequence[MatchedFile]") -> None:
        self.first, self.files = first, files
        self.described: List[Optional[DescribedFile]] = [None] * len(files)
        self.unread: List[Tuple[MatchedFile, AgentError]] = []
        self.is_being_created = self.is_sent = False
        self.created: Optional[Created] = None
        self.problem: Optional[Exception] = None
        self.create_s = 0.0
        self._lock, self._has_large = threading.Lock(), False
        self._unread_count = self._open_count = len(files)

    def keep(self, at: int, described: DescribedFile) -> None:
        """Keep what was read of a file."""
        self.described[at] = described
        with self._lock:
            self._unread_count -= 1
            self._has_large = self._has_large or described.content is None

    def leave_out(self, at: int, problem: AgentError) -> None:
        """Go on without a file that cannot be read."""
        with self._lock:
            self.unread.append((self.files[at], problem))
            self._unread_count -= 1
            self._open_count -= 1

    @property
    def readable(self) -> List[DescribedFile]:
        """The files that could be read."""
        return [described for described in self.described if described is not None]

    def end_one(self) -> None:
        """Note that the upload of one file has ended."""
        with self._lock:
            self._open_count -= 1

    @property
    def is_read(self) -> bool:
        """Whether all files have been read."""
        return not self._unread_count

    @property
    def is_ended(self) -> bool:
        """Whether the uploads of all files have ended."""
        return not self._open_count

    @property
    def is_small(self) -> bool:
        """Whether all files are small, as far as they have been read."""
        return self.is_read and not self._has_large
