"""Where a hook is: the first file of its name in a folder of hooks, never outside the folder that confines it."""

import os
import stat
from typing import Iterable, List, Optional

from bkagent.system.hook_files import EXTENSIONS

_MOST_LINKS = 40


def find(folder: str, name: str, inside: Optional[str] = None) -> Optional[str]:
    """Return the path of the hook `name` in `folder`, or None.

    With `inside`, the folder that jobs may fill, a hook counts only where no link leads out of it: an absolute link
    does, even one that points back in, as does `..` above it.
    """
    if not folder:
        return None
    for extension in EXTENSIONS:
        path = os.path.join(folder, name + extension)
        if inside is None:
            if _is_file(path):
                return path
            continue
        real = confined(inside, os.path.relpath(path, inside))
        if real is not None and _is_file(real):
            return path
    return None


def find_all(folders: Iterable[str], name: str) -> List[str]:
    """Return the paths of the hook `name` in each of the agent's folders that has one, in order."""
    found = (find(folder, name) for folder in folders)
    return [path for path in found if path is not None]


def confined(root: str, relative: str) -> Optional[str]:
    """Return where `relative` leads below `root`, links resolved, or None where it leads out or to nothing."""
    rest = _parts(relative)
    done: List[str] = []
    links = 0
    while rest:
        part = rest.pop(0)
        if part == os.pardir:
            if not done:
                return None
            done.pop()
            continue
        path = os.path.join(root, *done, part)
        try:
            mode = os.lstat(path).st_mode
            target = os.readlink(path) if stat.S_ISLNK(mode) else None
        except OSError:
            return None
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > _MOST_LINKS or os.path.isabs(target):
            return None
        rest = _parts(target) + rest
    return os.path.join(root, *done)


def _parts(path: str) -> List[str]:
    if os.path.altsep:
        path = path.replace(os.path.altsep, os.sep)
    return [part for part in path.split(os.sep) if part not in ("", os.curdir)]


def _is_file(path: str) -> bool:
    return os.path.exists(path) and not os.path.isdir(path)
