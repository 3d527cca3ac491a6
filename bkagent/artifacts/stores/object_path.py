"""The name that an artifact has in a store: its path below that of the destination."""

from __future__ import annotations

import posixpath


def object_path(folder: str, artifact_path: str, *, keeps_backslashes: bool = False) -> str:
    """Return the joined path without empty steps, "." and ".."; with no "/" at its start.

    Nothing leads out of the bucket, container or repository, whatever the path of an artifact holds. "\\" separates as
    "/" does, unless it is kept, for stores to which it is a letter.
    """
    names = (
        [folder, artifact_path] if keeps_backslashes else [folder.replace("\\", "/"), artifact_path.replace("\\", "/")]
    )
    return posixpath.normpath(posixpath.join("/", *(name.strip("/") for name in names))).lstrip("/")
