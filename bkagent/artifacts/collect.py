"""Find the files of an artifact upload, in the order of the patterns and then of names."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from bkagent.artifacts import digests
from bkagent.artifacts.artifact_path import artifact_path
from bkagent.errors import AgentError
from bkagent.pipeline.path_pattern import Matcher, Node, PathPattern
from bkagent.pipeline.path_pattern_parser import BadPathPattern
from bkagent.report import Report
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.go_quoted import go_quote
from bkagent.wire.shown_text import one_line

_TURNS_COUNT = 5_000  # of links that lead back; the system ends one circle after some forty


@dataclass(frozen=True)
class Selection:
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


@dataclass(frozen=True)
class MatchedFile:
    """One file: its artifact path, and its path on disk."""

    path: str
    absolute: str


def collect(paths: str, selection: Selection, *, cwd: str, home: str, report: Report) -> List[MatchedFile]:
    """Return the files that `paths` names, each once.

    Warns of folders and missing files. Raises AgentError for an invalid pattern, and for a match that
    cannot be opened: nothing has been sent then.
    """
    pieces = paths.split(selection.delimiter) if selection.delimiter else [paths]
    pieces = [piece.strip() for piece in pieces if piece.strip()]
    if selection.literal:
        candidates = iter(pieces)
    else:
        candidates = _Walk([_parse(piece, home) for piece in pieces], selection, cwd, report).files()
    files: Dict[str, MatchedFile] = {}
    for candidate in candidates:
        absolute = os.path.abspath(os.path.join(cwd, candidate))
        if absolute in files:
            report("debug", f"Skipping duplicate path {one_line(candidate)}")
        elif _is_upload(absolute, selection, report):
            path = artifact_path(candidate, absolute, cwd, windows=ON_WINDOWS, normalised=selection.normalised)
            files[absolute] = MatchedFile(path, absolute)
    return list(files.values())


def _parse(piece: str, home: str) -> PathPattern:
    try:
        return PathPattern(piece, home=home, backslash_separates=ON_WINDOWS)
    except BadPathPattern as problem:
        raise AgentError(f"invalid glob pattern {go_quote(piece)}: {problem}") from problem


def _is_upload(absolute: str, selection: Selection, report: Report) -> bool:
    if selection.skip_symlinks and os.path.islink(absolute):
        report("debug", f"Skipping symlink {one_line(absolute)}")
        return False
    try:
        mode = os.stat(absolute).st_mode
        if stat.S_ISDIR(mode):
            report("debug", f"Skipping directory {one_line(absolute)}")
            return False
        if not stat.S_ISREG(mode):
            # A named pipe would hold the upload up, a device might never end.
            report("warn", f"{one_line(absolute)} is skipped: it is not a regular file")
            return False
        os.close(os.open(absolute, os.O_RDONLY))
    except OSError as problem:
        raise digests.unreadable(absolute, problem) from problem
    return True


def _clean(path: str) -> str:
    """Return a path without "." and "..", resolved by name alone: its folders need not exist."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") and not ON_WINDOWS else clean


@dataclass(frozen=True)
class _Entry:
    """An entry of a folder: its path, the matcher's state after it, and the folder that a link leads to."""

    path: str
    node: Node
    is_folder: bool = False
    target: Optional[Tuple[int, int]] = None


@dataclass(frozen=True)
class _OpenFolder:
    """A folder that is being read; `target` says which it is if a link led there."""

    entries: Iterator[_Entry]
    target: Optional[Tuple[int, int]] = None


class _Walk:
    """Finds what patterns match. Patterns with the same root share one walk; folders that cannot match are not read."""

    def __init__(self, patterns: List[PathPattern], selection: Selection, cwd: str, report: Report) -> None:
        self._patterns, self._follow, self._cwd, self._report = patterns, selection.follow_symlinks, cwd, report
        self._turns_count = 0

    def files(self) -> Iterator[str]:
        """Yield the paths that match, as the patterns spell them."""
        by_root: Dict[str, List[PathPattern]] = {}
        for pattern in self._patterns:
            if pattern.literal is not None:
                yield from self._named(_clean(pattern.literal))
            else:
                by_root.setdefault(_clean(pattern.root), []).append(pattern)
        for root, patterns in by_root.items():
            yield from self._below(root, Matcher(patterns).start)

    def _named(self, path: str) -> Iterator[str]:
        try:
            is_folder = os.path.isdir(os.path.join(self._cwd, path))
            if not is_folder:
                os.stat(os.path.join(self._cwd, path))
        except (OSError, ValueError):
            self._report("warn", f"Couldn't walk path {one_line(path)}")
            return
        if is_folder:
            self._report("warn", f"One of the glob patterns matched a directory: {one_line(path)}")
        else:
            yield path

    def _below(self, root: str, start: Node) -> Iterator[str]:
        """Walk depth first with an explicit stack: a tree may be deeper than Python's own."""
        if not os.path.isdir(os.path.join(self._cwd, root)):
            return
        above: List[_OpenFolder] = [_OpenFolder(self._entries("" if root == "." else root.rstrip("/") + "/", start))]
        while above:
            try:
                entry = next(above[-1].entries)
            except StopIteration:
                above.pop()
                continue
            if not entry.is_folder:
                yield entry.path
            elif not entry.node.dead:
                if entry.target and any(entry.target == folder.target for folder in above):
                    self._take_turn(entry.path)
                above.append(_OpenFolder(self._entries(entry.path + "/", entry.node), entry.target))

    def _take_turn(self, path: str) -> None:
        """Count a link that leads back into the walk's own path. A single loop ends by itself, several do not."""
        self._turns_count += 1
        if self._turns_count > _TURNS_COUNT:
            folder, name = os.path.split(os.path.join(self._cwd, path))
            link = one_line(os.path.join(os.path.realpath(folder), name))
            raise AgentError(
                f"symbolic links form a loop ({link} is part of it): "
                "exclude their folders from the patterns, or do not follow links"
            )

    def _entries(self, folder: str, node: Node) -> Iterator[_Entry]:
        """Yield files that match and folders worth reading."""
        try:
            with os.scandir(os.path.join(self._cwd, folder or ".")) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            self._report("warn", f"Couldn't walk path {one_line(folder.rstrip('/'))}")
            return
        for entry in entries:
            here = node.over(entry.name)
            if here.dead:
                continue
            path = folder + entry.name
            if entry.is_symlink():
                yield from self._link(path, here)
            elif not entry.is_dir(follow_symlinks=False):
                if here.accepts:
                    yield _Entry(path, here)
            else:
                here = here.over("/")
                if here.accepts:
                    self._report("warn", f"One of the glob patterns matched a directory: {one_line(path)}")
                yield _Entry(path, here, is_folder=True)

    def _link(self, path: str, here: Node) -> Iterator[_Entry]:
        """Yield a symbolic link that matches, wherever it leads, and the folder behind it where links are followed."""
        if here.accepts:
            yield _Entry(path, here)
        if not self._follow:
            return
        try:
            target = os.stat(os.path.join(self._cwd, path))
        except OSError:
            self._report("warn", f"Couldn't walk path {one_line(path)}")
            return
        if stat.S_ISDIR(target.st_mode):
            yield _Entry(path, here.over("/"), True, (target.st_dev, target.st_ino))
