"""Windows, where access lists say who may write to a folder; the rule is in trusted_path.py."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple


class Way:
    """The folder that a path leads to."""

    __slots__ = ("folder", "is_open", "footholds")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.is_open = False
        self.footholds: "List[Tuple[str, int]]" = []


def follow(path: str, mode: "Optional[int]" = None, within: str = "", peer: "Optional[int]" = None) -> Way:
    """Return where an absolute path leads. Raises OSError."""
    if mode is not None:
        os.makedirs(path, mode=mode, exist_ok=True)
    return Way(os.path.realpath(path))
