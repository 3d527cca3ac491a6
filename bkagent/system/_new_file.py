"""A file that is written aside and then given its name, whichever way a system holds its folder meanwhile."""

from __future__ import annotations

import errno
import os
from io import FileIO
from types import TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Type


class LinkInTheWay(OSError):
    """A step below the folder is a link. `filename` is its path below the folder."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.ELOOP, "a link is in the way", path)


class NewFile:
    """A file that has no name of its own yet. `release` gives back what holds its folder in its place."""

    def __init__(
        self, file: FileIO, rename: Callable[[], None], remove: Callable[[], None], release: Callable[[], None]
    ) -> None:
        self.file = file
        self._rename, self._remove, self._release = rename, remove, release
        self._is_put = self._is_kept = False

    def keep(self) -> None:
        """Leave it as it is at the end."""
        self._is_kept = True

    def put(self) -> None:
        """Give it its name."""
        self.file.close()
        self._rename()
        self._is_put = True

    def __enter__(self) -> "NewFile":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            self.file.close()
        finally:
            try:
                if not self._is_put and not self._is_kept:
                    self._remove()
            finally:
                self._release()


def name_aside(name: str) -> str:
    """Return what a file is called before it has its name."""
    return f".{name[:40]}.{os.urandom(6).hex()}"
