"""Where a downloaded artifact goes: never outside the folder that was named, whatever its record says."""

from __future__ import annotations

import posixpath

from bkagent.errors import AgentError


def target(destination: str, artifact_path: str, *, windows: bool = False) -> str:
    """Return the path below `destination` for an artifact.

    Leading ".." and "/" of the artifact's path are dropped. Where the destination's last folder is the path's first
    one, they are the same folder. Raises AgentError for a path that cannot be a file's name.
    """
    separator = "\\" if windows else "/"
    parts = posixpath.normpath(artifact_path.replace("\\", "/") if windows else artifact_path).split("/")
    base, _, last = destination.rpartition(separator)
    if last and parts[0] == last:
        destination = base or separator
    while parts and parts[0] in ("", "..", "."):
        parts.pop(0)
    for part in parts:
        if "\0" in part or (windows and (":" in part or part.rstrip(" .") != part)):
            raise AgentError(f"the artifact path {artifact_path!r} cannot be a file's name here")
    if not parts:
        return destination
    return destination.rstrip(separator) + separator + separator.join(parts)
