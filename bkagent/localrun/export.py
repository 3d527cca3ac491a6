"""Leave logs and artifacts where people look for them: `logs/` and `artifacts/` of the data folder, by build.

What jobs have put there meanwhile is replaced, and no link of theirs is followed.
"""

from __future__ import annotations

import os
import shutil
from typing import List, Optional

from bkagent.localrun.terminal_text import Lines
from bkagent.system.confined_folder import ConfinedFolder
from bkagent.system.system_kind import ON_WINDOWS


def keep_log(folder: str, name: str, content: bytes) -> str:
    """Write a job's log as plain text; return its path. Raises OSError."""
    os.makedirs(folder, exist_ok=True)
    lines = Lines(coloured=False)
    root = ConfinedFolder(folder)
    try:
        with root.new_file([name + ".log"]) as new:
            text = "".join(line + "\n" for line in lines.feed(content) + lines.rest())
            view = memoryview(text.encode("utf-8", "replace"))
            while view:
                view = view[new.file.write(view) or 0 :]
            new.put()
    finally:
        root.close()
    return os.path.join(folder, name + ".log")


def keep_artifact(folder: str, path: str, stored: str) -> "Optional[str]":
    """Put a stored file under `folder` by the path that the job gave it; return where.

    None where that path leads elsewhere, or something else is in its place. Raises OSError without the folder.
    """
    parts = steps(path)
    if not parts:
        return None
    os.makedirs(folder, exist_ok=True)
    root = ConfinedFolder(folder)
    try:
        _place_file(root, parts, stored)
    except OSError:
        return None
    finally:
        root.close()
    return os.path.join(folder, *parts)


def _place_file(root: ConfinedFolder, parts: List[str], stored: str) -> None:
    """Put a stored file at the path `parts`, by a link where that works, else by a copy. Raises OSError."""
    try:
        root.link_file(stored, parts)
        return
    except OSError:  # another file system, or one without links; or a folder is in the way, which the next try says
        pass
    with root.new_file(parts) as new, open(stored, "rb") as source:
        shutil.copyfileobj(source, new.file)
        new.put()


def steps(path: str) -> "List[str]":
    """Return the names of a job's path; none for paths that climb, name a drive or cannot be a file's."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    unusable = any(":" in part or "\0" in part or (ON_WINDOWS and part.rstrip(" .") != part) for part in parts)
    return [] if ".." in parts or unusable else parts
