"""The download folder of artifacts: each is written below it, completely or not at all, whatever links are there."""

from __future__ import annotations

import os
from io import FileIO
from typing import Callable, List, Tuple

from bkagent.artifacts.download_paths import steps
from bkagent.errors import AgentError
from bkagent.system.confined_folder import ConfinedFolder, LinkInTheWay
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line


def open_folder(folder: str) -> ConfinedFolder:
    """Return an existing folder, held open. Raises AgentError."""
    try:
        return ConfinedFolder(folder)
    except NotADirectoryError:
        raise AgentError(f"{folder} is not a directory") from None
    except (OSError, ValueError) as problem:
        raise AgentError(f"could not find information about destination: {folder}: {reason_of(problem)}") from problem


class DestinationFolder:
    """The folder that artifacts go to."""

    def __init__(self, root: ConfinedFolder, folder: str, may_leave: bool) -> None:
        self._root, self._folder, self._may_leave = root, folder, may_leave

    def steps_to(self, path: str) -> List[str]:
        """Return the names that lead to an artifact. Raises AgentError."""
        parts = steps(self._folder, path, windows=ON_WINDOWS, may_climb=self._may_leave)
        if not parts:
            raise AgentError(f"cannot write {self._folder}: is a directory")
        return parts

    def path_of(self, parts: List[str]) -> str:
        """Return the path that these names lead to."""
        return os.path.join(self._folder, *parts)

    def write(self, parts: List[str], fill: Callable[[Callable[[bytes], None]], Tuple[int, str]]) -> Tuple[int, str]:
        """Have `fill` write a new file and rename it once it is complete; return what `fill` returns.

        Raises AgentError if that fails; so does the function that `fill` writes with.
        """
        root, below = self._root, parts
        goal = self.path_of(parts)
        try:
            if self._may_leave:
                goal = os.path.normpath(goal)
                os.makedirs(os.path.dirname(goal), exist_ok=True)
                root, below = ConfinedFolder(os.path.dirname(goal)), [os.path.basename(goal)]
            try:
                with root.new_file(below) as new:
                    filled = fill(lambda data: _write(new.file, data, goal))
                    new.put()
                return filled
            finally:
                if root is not self._root:
                    root.close()
        except LinkInTheWay as problem:
            name, link = one_line(goal), one_line(os.path.join(self._folder, str(problem.filename)))
            raise AgentError(
                f"cannot write {name}: {link} is a symbolic link, which is not followed; remove it"
            ) from None
        except (OSError, ValueError) as problem:
            raise AgentError(f"cannot write {one_line(goal)}: {reason_of(problem)}") from problem


def _write(file: FileIO, data: bytes, goal: str) -> None:
    # Said here: within a request it would be taken for an error of the connection, and tried again.
    view = memoryview(data)
    try:
        while view:
            view = view[file.write(view) or 0 :]
    except OSError as problem:
        raise AgentError(f"cannot write {one_line(goal)}: {reason_of(problem)}") from problem
