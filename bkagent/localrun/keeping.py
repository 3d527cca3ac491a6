"""Leave logs and artifacts where people look for them: `logs/` and `artifacts/` of the data folder, by build."""

from __future__ import annotations

import os
import shutil
from typing import Optional

from bkagent.localrun.terminal_text import Lines


def keep_log(folder: str, name: str, content: bytes) -> str:
    """Write a job's log as plain text; return its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + ".log")
    lines = Lines(coloured=False)
    with open(path, "w", encoding="utf-8", errors="replace", newline="\n") as file:
        for line in lines.feed(content) + lines.rest():
            file.write(line + "\n")
    return path


def keep_artifact(folder: str, path: str, stored: str) -> "Optional[str]":
    """Put a stored file under `folder` by the path that the job gave it; None where that path leads elsewhere."""
    target = inside(folder, path)
    if target is None:
        return None
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.lexists(target):
        os.unlink(target)
    try:
        os.link(stored, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(stored, target)
    return target


def inside(folder: str, path: str) -> "Optional[str]":
    """Return where a job's path lies under `folder`; None for paths that climb, are absolute or name a drive."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or ".." in parts or any(":" in part or "\0" in part for part in parts):
        return None
    target = os.path.join(folder, *parts)
    above = os.path.realpath(os.path.dirname(target))
    root = os.path.realpath(folder)
    return target if above == root or above.startswith(root + os.sep) else None
