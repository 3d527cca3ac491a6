"""The version of the git at hand."""

import re
from typing import Optional, Tuple

# What `git sparse-checkout set` needs, per mode: before, the command did not exist or did not know the mode.
SPARSE_CONE = (2, 27)
SPARSE_NO_CONE = (2, 35)


def command() -> "list[str]":
    """Return the argv whose output `parse` reads."""
    return ["git", "--version"]


def parse(output: str) -> Optional[Tuple[int, int]]:
    """Return (major, minor) of what `git --version` printed, or None where that is something else."""
    found = re.match(r"git version (\d+)\.(\d+)", output)
    return (int(found.group(1)), int(found.group(2))) if found else None
