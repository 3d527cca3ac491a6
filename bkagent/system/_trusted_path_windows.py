"""Windows, where access lists say who may write to a folder; the rule is in trusted_path.py."""

import os
import sys

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple


class Way:
    """The folder that a path leads to. `is_open` raises OSError where there is none."""

    __slots__ = ("folder", "footholds")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.footholds: "List[Tuple[str, int]]" = []

    @property
    def is_open(self) -> bool:
        """Whether others can change what is in the folder."""
        from bkagent.system import _folder_access_windows as folder_access

        access = folder_access.access_of(self.folder)
        return bool(access.foreign_owner or access.writers)


def follow(path: str, mode: "Optional[int]" = None, within: str = "", peer: "Optional[int]" = None) -> Way:
    """Return where an absolute path leads. Raises OSError.

    What is made has the access list of what is above it, whatever the mode: for some modes newer Pythons make a list
    that keeps this user out where an elevated program of the same user has made the folder.
    """
    if mode is not None:
        os.makedirs(path, exist_ok=True)
    return Way(os.path.realpath(path))
