"""Walk folders for what patterns match: each folder is read once for all patterns, and only where one can match."""

from __future__ import annotations

import os
import posixpath
import stat
from operator import itemgetter

from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.pipeline.path_pattern import Matcher, Node, PathPattern
from bkagent.report import Report
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional, Sequence, Tuple

_TURNS_COUNT = 5_000  # of links that lead back; the system ends one circle after some forty
_LINK, _FOLDER, _REGULAR, _OTHER = "link", "folder", "regular", "other"


class Match(NamedTuple):
    """What a pattern has matched, as the pattern spells it. `is_regular`: it is a file, not a link to one."""

    path: str
    is_regular: bool


class _Entry(NamedTuple):
    """An entry of a folder: its path, the matcher's state after it, its kind, and the folder that a link leads to."""

    path: str
    node: Node
    kind: str
    target: Optional[Tuple[int, int]]


class _OpenFolder(NamedTuple):
    """A folder that is being read; `target` says which it is if a link led there."""

    entries: Iterator[_Entry]
    target: Optional[Tuple[int, int]] = None


class PatternWalk:
    """The walk of one run, in the order of the folders that patterns begin at, outer ones first, and then of names.

    A pattern that begins in a folder which the patterns of an outer one lead to anyway joins them there.
    """

    def __init__(self, patterns: Sequence[PathPattern], follow_links: bool, cwd: str, report: Report) -> None:
        self._follow, self._cwd, self._report = follow_links, cwd, report
        self._literals = [_clean(pattern.literal) for pattern in patterns if pattern.literal is not None]
        walked = [pattern for pattern in patterns if pattern.literal is None]
        self._matcher = Matcher(walked)
        by_root: Dict[str, List[int]] = {}
        for number, pattern in enumerate(walked):
            by_root.setdefault(_clean(pattern.root), []).append(number)
        self._starts = {root: self._matcher.begin(by_root[root]) for root in sorted(by_root, key=_depth)}
        self._turns_count = 0

    def matches(self) -> Iterator[Match]:
        """Yield what matches. Warns of folders, and of what cannot be read or is missing. Raises AgentError."""
        for path in self._literals:
            if self._is_file(path):
                yield Match(path, False)
        while self._starts:
            root = next(iter(self._starts))
            yield from self._below(root, self._starts.pop(root))

    def _is_file(self, path: str) -> bool:
        try:
            is_folder = stat.S_ISDIR(os.stat(os.path.join(self._cwd, path)).st_mode)
        except (OSError, ValueError):
            self._report("warn", f"Couldn't walk path {one_line(path)}")
            return False
        if is_folder:
            self._warn_of_folder(path)
        return not is_folder

    def _below(self, root: str, start: Node) -> Iterator[Match]:
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
            if entry.kind != _FOLDER:
                yield Match(entry.path, entry.kind == _REGULAR)
                continue
            node = self._joined(entry)
            if not node.dead:
                if entry.target and any(entry.target == folder.target for folder in above):
                    self._take_turn(entry.path)
                above.append(_OpenFolder(self._entries(entry.path + "/", node), entry.target))

    def _joined(self, entry: _Entry) -> Node:
        """Return the state in a folder, with the patterns that begin there."""
        start = self._starts.pop(entry.path, None)
        return entry.node if start is None else self._matcher.union(entry.node, start)

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
        possible: List[Tuple[str, str, Node]] = []
        try:
            with os.scandir(os.path.join(self._cwd, folder or ".")) as listing:
                for entry in listing:
                    here = node.over(entry.name)
                    if not here.dead:
                        possible.append((entry.name, _kind(entry), here))
        except OSError:
            self._report("warn", f"Couldn't walk path {one_line(folder.rstrip('/'))}")
            return
        possible.sort(key=itemgetter(0))
        for name, kind, here in possible:
            path = folder + name
            if kind == _FOLDER:
                inside = here.over("/")
                if inside.accepts:
                    self._warn_of_folder(path)
                yield _Entry(path, inside, _FOLDER, None)
                continue
            if here.accepts:
                yield _Entry(path, here, kind, None)  # a link too, wherever it leads
            if kind == _LINK and self._follow:
                yield from self._behind_link(path, here)

    def _behind_link(self, path: str, here: Node) -> Iterator[_Entry]:
        """Yield the folder that a link leads to."""
        try:
            target = os.stat(os.path.join(self._cwd, path))
        except OSError:
            self._report("warn", f"Couldn't walk path {one_line(path)}")
            return
        if stat.S_ISDIR(target.st_mode):
            yield _Entry(path, here.over("/"), _FOLDER, (target.st_dev, target.st_ino))

    def _warn_of_folder(self, path: str) -> None:
        self._report("warn", f"One of the glob patterns matched a directory: {one_line(path)}")


def _kind(entry: "os.DirEntry[str]") -> str:
    """Return what an entry is, links not followed; most file systems say so without another call."""
    if entry.is_file(follow_symlinks=False):  # as most are
        return _REGULAR
    if entry.is_symlink():
        return _LINK
    return _FOLDER if entry.is_dir(follow_symlinks=False) else _OTHER


def _clean(path: str) -> str:
    """Return a path without "." and "..", resolved by name alone: its folders need not exist."""
    clean = posixpath.normpath(path)
    return clean[1:] if clean.startswith("//") and not ON_WINDOWS else clean


def _depth(root: str) -> int:
    return 0 if root in (".", "/") else root.count("/") + 1
