"""Folders by file descriptors; the promises are in confined_folder.py."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
from functools import partial
from io import FileIO

from bkagent.system import file_lock
from bkagent.system._new_file import LinkInTheWay, NewFile, name_aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Optional, Sequence, Tuple

assert sys.platform != "win32"

# A descriptor for paths alone needs no right to list the folder; it exists on Linux.
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Neither a link nor a pipe that nobody writes to holds these up.
_KEPT = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_TRIES_COUNT = 100  # to make or open a folder that others make and remove
_HELD_COUNT = 32  # of folders that files are written into in turn


class ConfinedFolder:
    """Thread-safe."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, _FOLDER)
        self._held_fds: Dict[Tuple[str, ...], int] = {}  # by their paths, the one that was used last at the end
        self._lock = threading.Lock()

    def new_file(self, parts: Sequence[str]) -> NewFile:
        """Begin a file."""
        folder_fd = self._folder_of(parts)
        try:
            return _new_file(folder_fd, parts[-1])
        except (OSError, ValueError):
            os.close(folder_fd)
            raise

    def write_file(self, parts: Sequence[str], content: bytes) -> None:
        """Write a file."""
        above = tuple(parts[:-1])
        with self._lock:
            held_fd = self._held_fds.pop(above, -1)  # so that no other thread closes it meanwhile
        if held_fd >= 0:
            try:
                self._write_and_hold(held_fd, above, parts[-1], content)
                return
            except FileNotFoundError:
                pass  # it has been removed since it was opened
        self._write_and_hold(self._folder_of(parts), above, parts[-1], content)

    def _write_and_hold(self, folder_fd: int, above: Tuple[str, ...], name: str, content: bytes) -> None:
        """Write a file into a folder, and hold the folder for the next one; it is closed when that fails."""
        surplus_fds = [folder_fd]
        try:
            _write_file(folder_fd, name, content)
            with self._lock:
                if above not in self._held_fds:
                    self._held_fds[above] = surplus_fds.pop()
                    if len(self._held_fds) > _HELD_COUNT:
                        surplus_fds.append(self._held_fds.pop(next(iter(self._held_fds))))
        finally:
            for fd in surplus_fds:
                os.close(fd)

    def kept_file(self, parts: Sequence[str], aside: str) -> Optional[NewFile]:
        """Go on with a file."""
        folder_fd = self._folder_of(parts)
        fd = _open_kept(folder_fd, aside)
        if fd is None:
            os.close(folder_fd)
            return None
        return _kept_file(folder_fd, fd, aside, parts[-1])

    def read_file(self, parts: Sequence[str]) -> FileIO:
        """Open a file."""
        folder_fd = self._folder_of(parts, make=False)
        try:
            file = FileIO(os.open(parts[-1], _READ, dir_fd=folder_fd), "r")
        finally:
            os.close(folder_fd)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise OSError(errno.EINVAL, "not a regular file", parts[-1])
        return file

    def tells_case_apart(self) -> bool:
        """Try it out by a file that is removed again."""
        name = name_aside("case")
        os.close(os.open(name, _NEW, 0o600, dir_fd=self._fd))
        try:
            os.stat(name.upper(), dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return True
        finally:
            os.unlink(name, dir_fd=self._fd)
        return False

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
        with self._lock:
            held_fds, self._held_fds = list(self._held_fds.values()), {}
        for fd in [self._fd, *held_fds]:
            os.close(fd)

    def _folder_of(self, parts: Sequence[str], make: bool = True) -> int:
        """Return a descriptor of the folder that holds the last of `parts`."""
        fd = os.dup(self._fd)
        for at, part in enumerate(parts[:-1]):
            try:
                below = _open_or_make(fd, part) if make else _open_folder(fd, part)
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
        FileIO(os.open(aside, _NEW, 0o666, dir_fd=folder_fd), "r+"),
        rename=partial(os.rename, aside, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd),
        remove=partial(os.unlink, aside, dir_fd=folder_fd),
        release=partial(os.close, folder_fd),
    )


def _write_file(folder_fd: int, name: str, content: bytes) -> None:
    aside = name_aside(name)
    fd = os.open(aside, _NEW, 0o666, dir_fd=folder_fd)
    try:
        try:
            left = memoryview(content)
            while left:
                left = left[os.write(fd, left) :]
        finally:
            os.close(fd)
        os.rename(aside, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
    except BaseException:
        os.unlink(aside, dir_fd=folder_fd)
        raise


def _open_kept(folder_fd: int, name: str) -> Optional[int]:
    """Return a locked descriptor of a file that has this name and no other, None where there is none to be had."""
    for _ in range(_TRIES_COUNT):
        try:
            fd = os.open(name, _KEPT, 0o666, dir_fd=folder_fd)
        except OSError:
            return None
        is_taken = False
        try:
            state = os.fstat(fd)
            is_own = stat.S_ISREG(state.st_mode) and state.st_nlink == 1 and state.st_uid == os.geteuid()
            if not is_own or not file_lock.try_lock(fd):
                return None
            # Its last holder may just have given it another name.
            is_taken = os.path.samestat(state, os.stat(name, dir_fd=folder_fd, follow_symlinks=False))
            if is_taken:
                return fd
        except FileNotFoundError:
            pass
        except OSError:
            return None
        finally:
            if not is_taken:
                os.close(fd)
    return None


def _kept_file(folder_fd: int, fd: int, aside: str, name: str) -> NewFile:
    try:
        held_fd = os.dup(fd)  # the lock lasts until the file has its name
    except OSError:
        os.close(fd)
        os.close(folder_fd)
        raise

    def release() -> None:
        os.close(held_fd)
        os.close(folder_fd)

    return NewFile(
        FileIO(fd, "r+"),
        rename=partial(os.rename, aside, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd),
        remove=partial(os.unlink, aside, dir_fd=folder_fd),
        release=release,
    )


def _open_folder(fd: int, name: str) -> int:
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=fd)
    except OSError as problem:
        if problem.errno == errno.ELOOP:  # what some systems say of a link
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from problem
        raise


def _open_or_make(fd: int, name: str) -> int:
    for _ in range(_TRIES_COUNT):
        try:
            return _open_folder(fd, name)
        except FileNotFoundError:
            pass
        try:
            os.mkdir(name, 0o777, dir_fd=fd)
        except FileExistsError:
            pass
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
