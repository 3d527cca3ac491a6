"""The path of a downloaded artifact: never outside the given folder, whatever its record says."""

from __future__ import annotations

import posixpath

from bkagent.errors import AgentError
from bkagent.system import windows_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List

_SHA256_DIGITS = 64
_PARTIAL_DIGITS = 16
_PARTIAL_NAME_CHARACTERS = 40  # of up to four bytes each: a name has at most 255


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


def partial_name(name: str, sha256: str) -> str:
    """Return what the file `name` is called until it is whole: what it will hold is a part of that, "" if unknown."""
    digits = sha256.lower()
    if len(digits) != _SHA256_DIGITS or digits.strip("0123456789abcdef"):
        return ""
    return f"{name[:_PARTIAL_NAME_CHARACTERS]}.{digits[:_PARTIAL_DIGITS]}.part"


def case_clashes(artifact_paths: Iterable[str]) -> Dict[str, str]:
    """Return for each path the earlier one that is the same file where case does not count, and differs by case alone.

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
