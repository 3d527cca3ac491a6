"""Folders by file descriptors; the promises are in confined_folder.py."""

import errno
import os
import stat
import sys
from functools import partial
from io import FileIO
from typing import Sequence

from bkagent.system._new_file import LinkInTheWay, NewFile, name_aside

assert sys.platform != "win32"

# A descriptor for paths alone needs no right to list the folder; it exists on Linux.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES_COUNT = 100  # to make or open a folder that others make and remove


class ConfinedFolder:
    """Thread-safe."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, _FOLDER)

    def new_file(self, parts: Sequence[str]) -> NewFile:
        """Begin a file."""
        folder_fd = self._folder_of(parts)
        try:
            return _new_file(folder_fd, parts[-1])
        except (OSError, ValueError):
            os.close(folder_fd)
            raise

    def link_file(self, source: str, parts: Sequence[str]) -> None:
        """Name a file once more."""
        folder_fd = self._folder_of(parts)
        try:
            try:
                os.unlink(parts[-1], dir_fd=folder_fd)
            except FileNotFoundError:
                pass
            os.link(source, parts[-1], dst_dir_fd=folder_fd, follow_symlinks=False)
        finally:
            os.close(folder_fd)

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._fd)

    def _folder_of(self, parts: Sequence[str]) -> int:
        """Return a descriptor of the folder that holds the last of `parts`."""
        fd = os.dup(self._fd)
        for at, part in enumerate(parts[:-1]):
            try:
                below = _open_or_make(fd, part)
            except NotADirectoryError:
                if stat.S_ISLNK(os.stat(part, dir_fd=fd, follow_symlinks=False).st_mode):
                    raise LinkInTheWay("/".join(parts[: at + 1])) from None
                raise
            finally:
                os.close(fd)
            fd = below
        return fd


def _new_file(folder_fd: int, name: str) -> NewFile:
    aside = name_aside(name)
    return NewFile(
        FileIO(os.open(aside, _NEW, 0o666, dir_fd=folder_fd), "w"),
        rename=partial(os.rename, aside, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd),
        remove=partial(os.unlink, aside, dir_fd=folder_fd),
        release=partial(os.close, folder_fd),
    )


def _open_or_make(fd: int, name: str) -> int:
    for _ in range(_TRIES_COUNT):
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
        except FileNotFoundError:
            pass
        except OSError as problem:
            if problem.errno == errno.ELOOP:  # what some systems say of a link
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from problem
            raise
        try:
            os.mkdir(name, 0o777, dir_fd=fd)
        except FileExistsError:
            pass
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
