"""The version of the installed git."""

import re
from typing import Optional, Tuple

_VERSION = re.compile(r"git version[^\S\n]+([+-]?[0-9]{1,18})(?![0-9])\.[^\S\n]*([+-]?[0-9]{1,18})(?![0-9])")

# What `git sparse-checkout set` needs, per mode: before, the command did not exist or did not know the mode.
SPARSE_CONE = (2, 27)
SPARSE_NO_CONE = (2, 35)


def command() -> "list[str]":
    """Return the argv whose output `parse` reads."""
    return ["git", "--version"]


def parse(output: str) -> Optional[Tuple[int, int]]:
    """Return (major, minor) from the output of `git --version`, or None."""
    match = _VERSION.match(output)
    return (int(match.group(1)), int(match.group(2))) if match else None
