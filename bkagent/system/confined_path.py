"""Paths below a folder that a job may fill: where they lead, and that no link leads out.

`os.path.realpath` and a comparison would not do: an absolute link that points back in is refused here too, since
what it points to depends on where the folder happens to be.
"""

import os
import stat
from typing import List, Optional

_MOST_LINKS = 40


def resolve_below(root: str, relative: str) -> Optional[str]:
    """Return where `relative` leads below `root`, links resolved; None where it leads out, in circles or to nothing."""
    remaining = _parts(relative)
    resolved: List[str] = []
    links = 0
    while remaining:
        part = remaining.pop(0)
        if part == os.pardir:
            if not resolved:
                return None
            resolved.pop()
            continue
        path = os.path.join(root, *resolved, part)
        try:
            mode = os.lstat(path).st_mode
            target = os.readlink(path) if stat.S_ISLNK(mode) else None
        except OSError:
            return None
        if target is None:
            resolved.append(part)
            continue
        links += 1
        if links > _MOST_LINKS or os.path.isabs(target):
            return None
        remaining = _parts(target) + remaining
    return os.path.join(root, *resolved)


def _parts(path: str) -> List[str]:
    if os.path.altsep:
        path = path.replace(os.path.altsep, os.sep)
    return [part for part in path.split(os.sep) if part not in ("", os.curdir)]
