"""The download folder of artifacts: each is written below it, completely or not at all, whatever links are there."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager

from bkagent.artifacts.download.paths import steps
from bkagent.artifacts.download.write_errors import unwritable
from bkagent.errors import AgentError
from bkagent.system.confined_folder import ConfinedFolder, LinkInTheWay
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator, List, Sequence, Tuple

    from bkagent.artifacts.download.artifact_file import ArtifactFile


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

    def path_of(self, parts: Sequence[str]) -> str:
        """Return the path that these names lead to."""
        return os.path.join(self._folder, *parts)

    def tells_case_apart(self) -> bool:
        """Return whether names that differ by case alone are two files here."""
        try:
            return self._root.tells_case_apart()
        except OSError:
            return True  # nothing can be written there at all

    def holds(self, parts: Sequence[str], size: int, sha256: str) -> bool:
        """Return whether there is a file of that size, and with that SHA-256 where one is given."""
        import hashlib

        from bkagent.artifacts.download.artifact_file import add_rest

        try:
            with self._below(parts, make=False) as (root, below), root.read_file(below) as file:
                if os.fstat(file.fileno()).st_size != size:
                    return False
                digest = hashlib.sha256()
                return not sha256 or (add_rest(file, digest) == size and digest.hexdigest() == sha256.lower())
        except (OSError, ValueError):
            return False

    def write_file(self, parts: Sequence[str], content: bytes) -> None:
        """Write a small file. Raises AgentError if that fails; then it is not there."""
        try:
            if self._may_leave:
                with self._below(parts) as (root, below):
                    root.write_file(below, content)
            else:
                self._root.write_file(parts, content)
        except (OSError, ValueError) as problem:
            raise self._unwritable(parts, problem) from problem

    @contextmanager
    def new_file(self, parts: Sequence[str], kept_name: str, count: Callable[[int], None]) -> Iterator[ArtifactFile]:
        """Yield a new file, which is removed at the end unless it was put or kept.

        With a `kept_name` it goes on with what a run before has kept under that name. `count` hears of the bytes that
        come. Raises AgentError if it cannot be made, and for an OSError meanwhile.
        """
        from bkagent.artifacts.download.artifact_file import ArtifactFile  # small files need none of it

        try:
            with self._below(parts) as (root, below):
                kept = root.kept_file(below, kept_name) if kept_name else None
                with kept or root.new_file(below) as new:
                    file = ArtifactFile(new, self.path_of(parts), count)
                    with closing(file):
                        if kept:
                            file.take_in_kept()
                        yield file
        except (OSError, ValueError) as problem:
            raise self._unwritable(parts, problem) from problem

    def _unwritable(self, parts: Sequence[str], problem: Exception) -> AgentError:
        goal = self.path_of(parts)
        if not isinstance(problem, LinkInTheWay):
            return unwritable(goal, problem)
        link = one_line(os.path.join(self._folder, str(problem.filename)))
        return AgentError(f"cannot write {one_line(goal)}: {link} is a symbolic link, which is not followed; remove it")

    @contextmanager
    def _below(self, parts: Sequence[str], make: bool = True) -> Iterator[Tuple[ConfinedFolder, Sequence[str]]]:
        """Yield the folder that confines a file, and the names that lead there from it."""
        if not self._may_leave:
            yield self._root, parts
            return
        folder, name = os.path.split(os.path.normpath(self.path_of(parts)))
        if make:
            os.makedirs(folder, exist_ok=True)
        with closing(ConfinedFolder(folder)) as root:
            yield root, [name]
