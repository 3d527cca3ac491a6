"""Files whose records are created by one request: they are read, created, and sent."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, List, Optional, Sequence

if TYPE_CHECKING:
    from bkagent.artifacts.collect import MatchedFile
    from bkagent.wire.artifacts import Artifact, Created

FILES_COUNT = 30


class UploadBatch:
    """One batch. Other threads than that of the upload call methods and set `created` or `problem`, nothing else.

    first      number of its first file in the upload
    artifacts  what is known of each file, None until it has been read
    contents   of the files that are small, else None
    created    the records, with the names that were sent; `create_s` is how long that took
    problem    why a file could not be read, or no record be created
    """

    def __init__(self, first: int, files: "Sequence[MatchedFile]") -> None:
        self.first, self.files = first, files
        self.artifacts: "List[Optional[Artifact]]" = [None] * len(files)
        self.contents: List[Optional[bytes]] = [None] * len(files)
        self.is_being_created = self.is_sent = False
        self.created: Optional[Created] = None
        self.problem: Optional[BaseException] = None
        self.create_s = 0.0
        self._lock = threading.Lock()
        self._unread_count = self._open_count = len(files)

    def keep(self, at: int, artifact: Artifact, content: Optional[bytes]) -> None:
        """Keep what was read of a file."""
        self.artifacts[at], self.contents[at] = artifact, content
        with self._lock:
            self._unread_count -= 1

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
        return self.is_read and None not in self.contents
