"""The path that an uploaded file has as an artifact."""

from __future__ import annotations

import ntpath
import posixpath

from bkagent.errors import AgentError
from bkagent.wire.shown_text import one_line


def artifact_path(match: str, absolute: str, cwd: str, *, windows: bool, normalised: bool) -> str:
    r"""Return the path of a file that a pattern has matched as `match`: relative to `cwd`, or to the root of its drive.

    On Windows folders are separated by `\`, and by `/` if `normalised`. A path that begins with `\` but names no drive
    is relative to `cwd`, as in Go. Raises AgentError for a file on another drive that is not named by its full path.
    Source: internal/artifact/uploader.go of buildkite/agent.
    """
    if not windows:
        if posixpath.isabs(match):
            return absolute.lstrip("/")
        return posixpath.relpath(absolute, posixpath.abspath(cwd))
    drive, below = ntpath.splitdrive(match)
    try:
        if drive and below[:1] in ("\\", "/"):
            path = ntpath.splitdrive(absolute)[1].lstrip("\\")
        else:
            path = ntpath.relpath(absolute, ntpath.abspath(cwd))
    except ValueError as problem:
        raise AgentError(
            f"{one_line(match)} is not on the drive of {cwd}: write the full path of the file, from its drive on"
        ) from problem
    return path.replace("\\", "/") if normalised else path
