"""Folders by handles; the promises are in confined_folder.py.

Python has no paths relative to a handle here. But a folder whose handle does not share deletion can be neither renamed
nor removed, so each one on the way is held open like that, and what it is and where it is are asked of the handle.
"""

import ctypes
import errno
import os
import stat
import sys
from ctypes import wintypes
from functools import partial
from io import FileIO
from typing import List, Optional, Sequence

from bkagent.system import file_lock, renaming
from bkagent.system._new_file import LinkInTheWay, NewFile, name_aside

assert sys.platform == "win32"

_ACCESS = 0x1 | 0x80  # to list it and read its attributes: for attributes alone nothing is held
_SHARE_READ_WRITE = 0x1 | 0x2  # not FILE_SHARE_DELETE
_OPEN_EXISTING = 3
_BACKUP_SEMANTICS = 0x02000000  # or no folder can be opened
_OPEN_REPARSE_POINT = 0x00200000  # a link itself, not where it leads
_INVALID = ctypes.c_void_p(-1).value
_LONGEST_PATH = 32768
_IS_FOLDER, _IS_REPARSE_POINT = 0x10, 0x400
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT
_KEPT = os.O_RDWR | os.O_BINARY | os.O_NOINHERIT
_READ = os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT


class _Information(ctypes.Structure):
    _fields_ = [("attributes", wintypes.DWORD), ("rest", wintypes.DWORD * 12)]


_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateFileW.argtypes = (
    wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
)  # fmt: skip
_kernel32.CreateFileW.restype = wintypes.HANDLE
_kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)
_kernel32.GetFileInformationByHandle.argtypes = (wintypes.HANDLE, ctypes.POINTER(_Information))
_kernel32.GetFileInformationByHandle.restype = wintypes.BOOL
_kernel32.GetFinalPathNameByHandleW.argtypes = (wintypes.HANDLE, wintypes.LPWSTR, wintypes.DWORD, wintypes.DWORD)
_kernel32.GetFinalPathNameByHandleW.restype = wintypes.DWORD


class ConfinedFolder:
    """Thread-safe."""

    def __init__(self, path: str) -> None:
        self._handle = _open(path, follow=True)
        try:
            if not _attributes(self._handle) & _IS_FOLDER:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            self._path = _final_path(self._handle)
        except (OSError, ValueError):
            _close([self._handle])
            raise

    def new_file(self, parts: Sequence[str]) -> NewFile:
        """Begin a file."""
        handles: List[int] = []
        try:
            return _new_file(handles, self._folder_of(parts, handles), parts[-1])
        except (OSError, ValueError):
            _close(handles)
            raise

    def write_file(self, parts: Sequence[str], content: bytes) -> None:
        """Write a file."""
        with self.new_file(parts) as new:
            left = memoryview(content)
            while left:
                left = left[new.file.write(left) or 0 :]
            new.put()

    def kept_file(self, parts: Sequence[str], aside: str) -> Optional[NewFile]:
        """Go on with a file."""
        handles: List[int] = []
        try:
            folder = self._folder_of(parts, handles)
        except (OSError, ValueError):
            _close(handles)
            raise
        path = os.path.join(folder, aside)
        fd = _open_kept(path)
        if fd is None:
            _close(handles)
            return None
        return NewFile(
            FileIO(fd, "r+"),
            rename=partial(renaming.replace, path, os.path.join(folder, parts[-1])),
            remove=partial(os.unlink, path),
            release=partial(_close, handles),
        )

    def read_file(self, parts: Sequence[str]) -> FileIO:
        """Open a file."""
        handles: List[int] = []
        try:
            path = os.path.join(self._folder_of(parts, handles, make=False), parts[-1])
            fd = os.open(path, _READ)
        finally:
            _close(handles)
        if not _is_plain(fd, path):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", path)
        return FileIO(fd, "r")

    def tells_case_apart(self) -> bool:
        """Say what holds for all folders but those that Linux programs have changed."""
        return False

    def link_file(self, source: str, parts: Sequence[str]) -> None:
        """Name a file once more."""
        handles: List[int] = []
        try:
            goal = os.path.join(self._folder_of(parts, handles), parts[-1])
            if os.path.lexists(goal):
                os.unlink(goal)
            os.link(source, goal)
        finally:
            _close(handles)

    def close(self) -> None:
        """Give the folder back."""
        _close([self._handle])

    def _folder_of(self, parts: Sequence[str], handles: List[int], make: bool = True) -> str:
        """Return the folder that holds the last of `parts`, and add what keeps it in its place to `handles`."""
        path = self._path
        for at, part in enumerate(parts[:-1]):
            path = os.path.join(path, part)
            try:
                if make:
                    os.mkdir(path)
            except FileExistsError:
                pass
            handles.append(_open(path, follow=False))
            attributes = _attributes(handles[-1])
            if attributes & _IS_REPARSE_POINT:
                raise LinkInTheWay("/".join(parts[: at + 1]))
            if not attributes & _IS_FOLDER:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            # What the handle is of has to lie where its path says, whatever the path was when it was opened.
            if not _is_below(_final_path(handles[-1]), self._path):
                raise LinkInTheWay("/".join(parts[: at + 1]))
        return path


def _new_file(handles: List[int], folder: str, name: str) -> NewFile:
    aside = os.path.join(folder, name_aside(name))
    return NewFile(
        FileIO(os.open(aside, _NEW, 0o666), "r+"),
        rename=partial(renaming.replace, aside, os.path.join(folder, name)),
        remove=partial(os.unlink, aside),
        release=partial(_close, handles),
    )


def _open_kept(path: str) -> Optional[int]:
    """Return a locked descriptor of a file that has this name and no other, None where there is none to be had."""
    try:
        os.close(os.open(path, _NEW, 0o666))
    except OSError:
        pass  # there is something, which is looked at below
    try:
        fd = os.open(path, _KEPT)
    except OSError:
        return None
    try:
        if _is_plain(fd, path) and os.fstat(fd).st_nlink == 1 and file_lock.try_lock(fd):
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def _is_plain(fd: int, path: str) -> bool:
    """Return whether an open file is a regular one that the path itself names, not a link there."""
    named = os.lstat(path)
    return stat.S_ISREG(named.st_mode) and os.path.samestat(os.fstat(fd), named)


def _open(path: str, follow: bool) -> int:
    flags = _BACKUP_SEMANTICS | (0 if follow else _OPEN_REPARSE_POINT)
    handle = _kernel32.CreateFileW(path, _ACCESS, _SHARE_READ_WRITE, None, _OPEN_EXISTING, flags, None)
    if handle == _INVALID:
        raise ctypes.WinError(ctypes.get_last_error())
    return int(handle)


def _attributes(handle: int) -> int:
    information = _Information()
    if not _kernel32.GetFileInformationByHandle(handle, ctypes.byref(information)):
        raise ctypes.WinError(ctypes.get_last_error())
    return int(information.attributes)


def _final_path(handle: int) -> str:
    """Return the path of an open folder, links resolved, with the prefix that long paths need."""
    buffer = ctypes.create_unicode_buffer(_LONGEST_PATH)
    length = _kernel32.GetFinalPathNameByHandleW(handle, buffer, _LONGEST_PATH, 0)
    if not 0 < length < _LONGEST_PATH:
        raise ctypes.WinError(ctypes.get_last_error())
    return buffer.value


def _is_below(path: str, root: str) -> bool:
    return path.lower().startswith(root.rstrip("\\").lower() + "\\")


def _close(handles: List[int]) -> None:
    while handles:
        _kernel32.CloseHandle(handles.pop())
