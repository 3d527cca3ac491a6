"""Find a hook: the first file of its name in a folder of hooks, never outside the folder that confines it."""

import os
from typing import Iterable, List, Optional

from bkagent.system.confined_path import resolve_below
from bkagent.system.hook_files import EXTENSIONS


def find(folder: str, name: str, inside: Optional[str] = None) -> Optional[str]:
    """Return the path of the hook `name` in `folder`, or None.

    With `inside`, the folder that jobs may fill, a hook counts only where no link leads out of it: an absolute link
    does, even one that points back in, as does `..` above it.
    """
    if not folder or (inside is not None and not os.path.isdir(folder)):
        return None
    for extension in EXTENSIONS:
        path = os.path.join(folder, name + extension)
        if inside is None:
            if _is_file(path):
                return path
            continue
        real = resolve_below(inside, os.path.relpath(path, inside))
        if real is not None and _is_file(real):
            return path
    return None


def find_all(folders: Iterable[str], name: str) -> List[str]:
    """Return the paths of the hook `name` in each of the agent's folders that has one, in order."""
    paths = (find(folder, name) for folder in folders)
    return [path for path in paths if path is not None]


def _is_file(path: str) -> bool:
    return os.path.exists(path) and not os.path.isdir(path)
