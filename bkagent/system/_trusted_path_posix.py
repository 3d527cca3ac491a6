"""Owners and modes on the way to a folder; the rule is in trusted_path.py."""

import os
import stat
import sys

from bkagent.errors import ConfigError

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple

_MOST_LINKS = 40
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


class Way:
    """The folder that a path leads to."""

    __slots__ = ("folder", "is_open", "footholds", "_owners", "_peer", "_mode")

    def __init__(self, start: str, mode: "Optional[int]", peer: "Optional[int]") -> None:
        self.folder = start
        self.footholds: "List[Tuple[str, int]]" = []
        self._mode, self._peer = mode, peer
        self._owners = {0, os.geteuid(), os.lstat(os.sep).st_uid, 0 if peer is None else peer}
        self.is_open = bool(os.lstat(start).st_mode & _WRITABLE)

    def enter(self, name: str) -> str:
        """Go on to `name`; return "", or where it points if it is a link. Raises ConfigError, OSError."""
        path = os.path.join(self.folder, name)
        status = self._status(path)
        if status.st_uid not in self._owners or (self.is_open and not self._keeps(name, status.st_uid)):
            raise ConfigError(f"{path} belongs to user {status.st_uid}")
        if self.is_open:
            self.footholds.append((path, status.st_uid))
        if stat.S_ISLNK(status.st_mode):
            return os.readlink(path)
        if not stat.S_ISDIR(status.st_mode):
            raise ConfigError(f"{path} is not a folder")
        self._move(path, status)
        return ""

    def move(self, path: str) -> None:
        """Go to a folder above this one. Raises ConfigError, OSError."""
        self._move(path, os.lstat(path))

    def _move(self, path: str, status: os.stat_result) -> None:
        if status.st_mode & _WRITABLE and not status.st_mode & stat.S_ISVTX:
            raise ConfigError(f"others can write to {path} (`chmod go-w` on it would end that)")
        self.folder, self.is_open = path, bool(status.st_mode & _WRITABLE)

    def _keeps(self, name: str, owner: int) -> bool:
        """Whether an entry of a sticky folder was made by this user or root, not by another user who came first."""
        if owner in (0, os.geteuid()):
            return True
        mark = f"bkagent-{self._peer}"
        return owner == self._peer and (name == mark or name.startswith(mark + "-"))

    def _status(self, path: str) -> os.stat_result:
        try:
            return os.lstat(path)
        except FileNotFoundError:
            if self._mode is None:
                raise
        try:
            os.mkdir(path, self._mode)
        except FileExistsError:
            pass  # another process was faster; its owner is checked like any other
        return os.lstat(path)


def follow(path: str, mode: "Optional[int]" = None, within: str = "", peer: "Optional[int]" = None) -> Way:
    """Return where an absolute path leads. Raises ConfigError, OSError."""
    if within:
        way = Way(os.path.realpath(within), mode, peer)
        rest = os.path.relpath(path, within).split(os.sep)
    else:
        way = Way(os.sep, mode, peer)
        way.move(os.sep)
        rest = path.split(os.sep)
    links_left = _MOST_LINKS
    while rest:
        name = rest.pop(0)
        if name in ("", os.curdir):
            continue
        if name == os.pardir:
            way.move(os.path.dirname(way.folder))
            continue
        target = way.enter(name)
        if target:
            links_left -= 1
            if not links_left:
                raise ConfigError(f"{path} is a chain of links without an end")
            rest[:0] = target.split(os.sep)
            if os.path.isabs(target):
                way.move(os.sep)
    return way
