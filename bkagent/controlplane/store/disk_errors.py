"""What the disk refuses, as errors of the control plane."""

from __future__ import annotations

from bkagent.controlplane.errors import DiskFull, PlaneError
from bkagent.system.durable import is_full

# The text of SQLITE_FULL: https://www.sqlite.org/rescode.html#full. Its number is known to Python since 3.11 only.
_SQLITE_FULL = "database or disk is full"


def of_file(what: str, problem: OSError) -> PlaneError:
    """Return the error for a file. `what` could not be done, such as "cannot write the log FILE"."""
    kind = DiskFull if is_full(problem) else PlaneError
    return kind(f"{what}: {problem.strerror}")


def of_store(path: str, problem: Exception) -> PlaneError:
    """Return the error for the store."""
    kind = DiskFull if _SQLITE_FULL in str(problem) else PlaneError
    return kind(f"the store {path} failed: {problem}")
