"""Find who may hold a lock file of git, by what /proc shows of files, working directories and command lines."""

import os
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional

_PROC = "/proc"
# The one option of git whose value names a repository that is only read.
_READS_ONLY = b"--reference"


def holder(lock: str, folder: str) -> "Optional[str]":
    """Name the first process that may hold `lock`; None where another user's git does not show what it works on."""
    lock, folder = os.path.realpath(lock), os.path.realpath(folder)
    is_unclear, own = False, str(os.getpid())
    try:
        names = [name for name in os.listdir(_PROC) if name.isdigit() and name != own]
    except OSError:
        return None
    for name in names:
        program = _read(os.path.join(_PROC, name, "comm")).strip()
        is_git = program == b"git" or program.startswith(b"git-")
        try:
            if _has_open(name, lock) or (is_git and _works_in(name, folder)):
                return f"process {name} ({os.fsdecode(program)})"
        except PermissionError:
            is_unclear = is_unclear or is_git
        except OSError:
            pass  # it has just ended
    return None if is_unclear else ""


def _has_open(pid: str, path: str) -> bool:
    descriptors = os.path.join(_PROC, pid, "fd")
    return any(_target(os.path.join(descriptors, number)) == path for number in os.listdir(descriptors))


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""  # it was closed meanwhile


def _works_in(pid: str, folder: str) -> bool:
    if _is_within(os.fsencode(os.readlink(os.path.join(_PROC, pid, "cwd"))), os.fsencode(folder)):
        return True
    return _is_told_of(_read(os.path.join(_PROC, pid, "cmdline")).split(b"\0"), os.fsencode(folder))


def _is_told_of(words: "List[bytes]", folder: bytes) -> bool:
    before = b""
    for word in words:
        option, _, value = word.rpartition(b"=")
        if before != _READS_ONLY and option != _READS_ONLY and _is_within(value, folder):
            return True
        before = word
    return False


def _is_within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder + b"/")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
