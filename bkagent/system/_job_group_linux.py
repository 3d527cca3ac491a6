"""A cgroup for a job; the promises are in `job_group`. Source: the kernel's Documentation/admin-guide/cgroup-v2.rst."""

import os
import sys
import time

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

PREFIX = "bkagent-job-"
_EMPTY_WITHIN_S, _LOOK_EVERY_S = 1.0, 0.005
_ON_THE_WAY_S = 60.0


class Group:
    """One cgroup, and the one above it, from which this process came."""

    def __init__(self, above: str, folder: str) -> None:
        self._above, self._folder = above, folder

    def kill(self) -> None:
        """See `job_group`."""
        try:
            _move_to(self._above)
            with open(os.path.join(self._folder, "cgroup.kill"), "w", encoding="ascii") as file:
                file.write("1")
        except OSError:
            return  # the group could be entered but not left: nothing of it is killed
        deadline = time.monotonic() + _EMPTY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                os.rmdir(self._folder)
                return
            except OSError:
                time.sleep(_LOOK_EVERY_S)


def enter(name: str) -> "Optional[Group]":
    """See `job_group`."""
    above = _own_folder()
    if not above:
        return None
    _remove_empty(above)
    folder = os.path.join(above, PREFIX + name)
    try:
        os.mkdir(folder)
    except OSError:
        return None  # not ours to divide, or not writable
    group = Group(above, folder)
    try:
        if os.path.exists(os.path.join(folder, "cgroup.kill")):  # since Linux 5.14
            _move_to(folder)
            return group
    except OSError:
        pass
    try:
        os.rmdir(folder)
    except OSError:
        pass
    return None


def _remove_empty(above: str) -> None:
    """Remove the groups of jobs that were killed themselves.

    A group with a process in it stays, and so does a new one: its job may be about to enter it.
    """
    try:
        folders = [os.path.join(above, name) for name in os.listdir(above) if name.startswith(PREFIX)]
    except OSError:
        return
    for folder in folders:
        try:
            if time.time() - os.stat(folder).st_mtime > _ON_THE_WAY_S:
                os.rmdir(folder)
        except OSError:
            pass


def _own_folder() -> str:
    """Return the folder of this process's cgroup of version 2, "" if it has none."""
    try:
        with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            own = [line.rstrip("\n")[3:] for line in file if line.startswith("0::")]
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            mounts = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
    except (OSError, IndexError):
        return ""
    return os.path.join(mounts[0], own[0].lstrip("/")) if own and mounts else ""


def _move_to(folder: str) -> None:
    with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
        file.write("0")
