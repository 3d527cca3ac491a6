"""Find the files of an artifact upload."""

from __future__ import annotations

import os
import stat

from bkagent.artifacts.upload.finding.artifact_path import artifact_path
from bkagent.artifacts.upload.finding.pattern_walk import Match, PatternWalk
from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.pipeline.path_pattern import PathPattern
from bkagent.pipeline.path_pattern_parser import BadPathPattern
from bkagent.report import Report
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.go_quoted import go_quote
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Set


class Selection(NamedTuple):
    """How a list of paths is read.

    delimiter        what separates the pieces; "" for one piece
    literal          pieces are file names, not patterns
    follow_symlinks  patterns descend into folders through symbolic links
    skip_symlinks    files that are symbolic links are left out
    normalised       artifacts have "/" between folders on Windows, too
    """

    delimiter: str = ";"
    literal: bool = False
    follow_symlinks: bool = False
    skip_symlinks: bool = False
    normalised: bool = False


class _Folder(NamedTuple):
    """What the paths of a folder's files begin with: as artifacts, and on disk; all of it for one named literally."""

    path: str
    absolute: str


class MatchedFile(NamedTuple):
    """One file. Files of a folder share what their paths begin with: there may be 100,000 of them."""

    folder: _Folder
    name: str

    @property
    def path(self) -> str:
        """Its artifact path."""
        return self.folder.path + self.name

    @property
    def absolute(self) -> str:
        """Its path on disk."""
        return self.folder.absolute + self.name

    @property
    def size_for_now(self) -> int:
        """Its size in bytes, 0 where it has gone, which is said when it is read."""
        try:
            return os.stat(self.absolute).st_size
        except OSError:
            return 0


def collect(paths: str, selection: Selection, *, cwd: str, home: str, report: Report) -> List[MatchedFile]:
    """Return the files that `paths` names, each once: those named in full first, then those that patterns match.

    Warns of folders and missing files. What matches and cannot be opened is among them: it is named when it is read,
    and all others are uploaded. Raises AgentError for an invalid pattern, and for links that form a loop.
    """
    pieces = paths.split(selection.delimiter) if selection.delimiter else [paths]
    pieces = [piece.strip() for piece in pieces if piece.strip()]
    if selection.literal:
        matches: Iterator[Match] = (Match(piece, False) for piece in pieces)
    else:
        patterns = [_parse(piece, home) for piece in pieces]
        matches = PatternWalk(patterns, selection.follow_symlinks, cwd, report).matches()
    return list(_select(matches, selection, cwd, report))


def _select(matches: Iterator[Match], selection: Selection, cwd: str, report: Report) -> Iterator[MatchedFile]:
    folders: Dict[str, _Folder] = {}
    names_in: Dict[str, Set[str]] = {}
    for match in matches:
        file = _file(match.path, selection, cwd, folders)
        names = names_in.setdefault(file.folder.absolute, set())
        if file.name in names:
            report("debug", f"Skipping duplicate path {one_line(match.path)}")
        elif _is_upload(file.absolute, match.is_regular, selection, report):
            names.add(file.name)
            yield file


def _file(match: str, selection: Selection, cwd: str, folders: Dict[str, _Folder]) -> MatchedFile:
    """Return the file that a pattern has matched as `match`. What is known of its folder is kept in `folders`."""
    name = "" if selection.literal else match.rpartition("/")[2]
    above = match[: len(match) - len(name)]
    folder = folders.get(above)
    if folder is None:
        absolute = os.path.abspath(os.path.join(cwd, match))
        path = artifact_path(match, absolute, cwd, windows=ON_WINDOWS, normalised=selection.normalised)
        folder = _Folder(path[: len(path) - len(name)], absolute[: len(absolute) - len(name)])
        folders[above] = folder
    return MatchedFile(folder, name)


def _parse(piece: str, home: str) -> PathPattern:
    try:
        return PathPattern(piece, home=home, backslash_separates=ON_WINDOWS)
    except BadPathPattern as problem:
        raise AgentError(f"invalid glob pattern {go_quote(piece)}: {problem}") from problem


def _is_upload(absolute: str, is_regular: bool, selection: Selection, report: Report) -> bool:
    if selection.skip_symlinks and not is_regular and os.path.islink(absolute):
        report("debug", f"Skipping symlink {one_line(absolute)}")
        return False
    try:
        mode = stat.S_IFREG if is_regular else os.stat(absolute).st_mode
        if stat.S_ISDIR(mode):
            report("debug", f"Skipping directory {one_line(absolute)}")
            return False
        if not stat.S_ISREG(mode):
            # A named pipe would hold the upload up, a device might never end.
            report("warn", f"{one_line(absolute)} is skipped: it is not a regular file")
            return False
    except OSError:
        pass  # its reader says why, and goes on with the others
    return True
