"""The path of a downloaded artifact: never outside the given folder, whatever its record says."""

from __future__ import annotations

import posixpath
from typing import List

from bkagent.errors import AgentError


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
        is_name = part == ".." and may_climb or not (windows and (":" in part or part.rstrip(" .") != part))
        if "\0" in part or not is_name:
            raise AgentError(f"the artifact path {artifact_path!r} is not a valid file name on this system")
    return parts
