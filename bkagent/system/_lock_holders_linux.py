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
# Variables that tell a git what it works on.
_TELLING = (b"GIT_DIR", b"GIT_COMMON_DIR", b"GIT_WORK_TREE", b"GIT_INDEX_FILE")


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
    goal, cwd = os.fsencode(folder), os.fsencode(os.readlink(os.path.join(_PROC, pid, "cwd")))
    if _is_within(cwd, goal):
        return True
    paths = _paths_told(_read(os.path.join(_PROC, pid, "cmdline")).split(b"\0")[1:])
    paths += [
        value
        for name, _, value in (word.partition(b"=") for word in _read(os.path.join(_PROC, pid, "environ")).split(b"\0"))
        if name in _TELLING
    ]
    return any(_is_within(os.path.realpath(os.path.join(cwd, path)), goal) for path in paths if path)


def _paths_told(words: "List[bytes]") -> "List[bytes]":
    """Return what may be paths on a command line, without those of repositories that are only read."""
    paths, before = [], b""
    for word in words:
        option, _, value = word.rpartition(b"=")
        if _READS_ONLY not in (before, option):
            paths.append(value)
        before = word
    return paths


def _is_within(path: bytes, folder: bytes) -> bool:
    return path == folder or path.startswith(folder + b"/")


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
