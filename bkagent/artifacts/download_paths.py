"""The path of a downloaded artifact: never outside the given folder, whatever its record says."""

from __future__ import annotations

import posixpath
from typing import Dict, Iterable, List

from bkagent.errors import AgentError
from bkagent.system import windows_names


def steps(destination: str, artifact_path: str, *, windows: bool = False, may_climb: bool = False) -> List[str]:
    """Return the names that lead from `destination` to an artifact; the last one is the file's.

    Leading ".." and "/" of the artifact's path are dropped, unless it `may_climb`. Where the destination's last folder
    is the path's first one, they are the same folder. Raises AgentError for a path that is not a valid file name.
    """
    parts = posixpath.normpath(artifact_path.replace("\\", "/") if windows else artifact_path).split("/")
    last = destination.rpartition("\\" if windows else "/")[2]
    if last and parts[0] == last:
        parts.pop(0)
    dropped = ("", ".") if may_climb else ("", "..", ".")
    while parts and parts[0] in dropped:
        parts.pop(0)
    for part in parts:
        reason = windows_names.objection(part) if windows and part != ".." else ""
        if "\0" in part or reason:
            raise AgentError(
                f"the artifact path {artifact_path!r} is not a valid file name on this system"
                + (f": {reason}" if reason else "")
            )
    return parts


def case_clashes(artifact_paths: Iterable[str]) -> Dict[str, str]:
    """Return for each path the earlier one that is the same file on Windows, where that differs from it by case alone.

    The earlier one is written, or which of them stays would be chance.
    """
    first_paths: Dict[str, List[str]] = {}
    clashes: Dict[str, str] = {}
    for path in artifact_paths:
        parts = path.replace("\\", "/").split("/")
        names = [part for part in posixpath.normpath("/" + "/".join(parts)).split("/") if part]
        key = windows_names.without_case("/".join(names))
        earlier = first_paths.setdefault(key, [path, "/".join(names)])
        if earlier[1] != "/".join(names):
            clashes[path] = earlier[0]
    return clashes
