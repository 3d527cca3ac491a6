"""Adopt orphans by prctl(2), and find them by what /proc says of the children of each thread; see `descendants`."""

import _ctypes
import os
import sys

from bkagent.system import _marked_processes_linux as processes
from bkagent.system import _process_start_posix as own_children

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional

    from bkagent.system._marked_processes_linux import Marked

END_WITH_US = False
_PR_SET_CHILD_SUBREAPER = 36


def _function(name: str) -> "Optional[Callable[..., int]]":
    """Return a function of the C library that takes integers, None where it is not there.

    By what `ctypes` is made of: that itself takes a tenth of an agent's start to load.
    """
    try:
        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), name)  # type: ignore[arg-type,attr-defined,unused-ignore]
    except (OSError, AttributeError):
        return None
    return lambda *numbers: _ctypes.call_cdeclfunction(address, numbers)  # type: ignore[attr-defined,unused-ignore]


_prctl = _function("prctl")  # here, so that a fork has it already


def adopt() -> bool:
    """See `descendants`."""
    return _prctl is not None and _prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def find() -> "List[Marked]":
    """See `descendants`."""
    looked_at, new = {}, _own_children()
    while new:
        pid = new.pop()
        if pid not in looked_at:
            looked_at[pid] = processes.look_at(pid)
            new += children_of(pid)
    return [process for _, process in sorted(looked_at.items()) if process is not None]


def collect() -> None:
    """See `descendants`."""
    for pid in _own_children():
        own_children.collect_stranger(pid)


def release() -> None:
    """Do nothing: they outlive this process anyway."""


def _own_children() -> "List[int]":
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []  # as most jobs end: no list of threads has to be read for that
    return children_of(os.getpid())


def children_of(pid: int) -> "List[int]":
    """Return the children of a process, whichever of its threads has started them; [] for one that is gone."""
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return []
    pids: "List[int]" = []
    for thread in threads:
        try:
            pids += map(int, processes.read(f"{folder}/{thread}/children").split())
        except OSError:
            pass  # the thread has ended, or the kernel does not tell
    return pids
