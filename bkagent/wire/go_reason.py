"""Why a system call failed, in the words of the reference: Go's lower-case ones."""

from __future__ import annotations


def reason_of(problem: Exception) -> str:
    """Return the system's reason, such as "no such file or directory"; the text of an error that has none."""
    return (isinstance(problem, OSError) and problem.strerror or str(problem)).lower()
