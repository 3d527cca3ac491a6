"""The name that an artifact has in a store: its path below that of the destination."""

from __future__ import annotations

import posixpath


def object_path(folder: str, artifact_path: str) -> str:
    """Return the joined path without empty steps, "." and ".."; with "/" as the only separator, and none at its start.

    Nothing leads out of the bucket, container or repository, whatever the path of an artifact holds.
    """
    joined = posixpath.join("/", folder.replace("\\", "/").strip("/"), artifact_path.replace("\\", "/").lstrip("/"))
    return posixpath.normpath(joined).lstrip("/")
