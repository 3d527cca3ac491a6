"""Decide before a download which artifact goes where: two of one path are one file, and some cannot be there at all."""

from __future__ import annotations

from bkagent.artifacts.download.destination_folder import DestinationFolder
from bkagent.artifacts.download.paths import case_clashes, partial_name
from bkagent.errors import AgentError
from bkagent.named_tuple import NamedTuple
from bkagent.wire.artifacts import Artifact
from bkagent.wire.shown_text import one_line
from bkagent.wire.timestamps import nanoseconds_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Sequence, Set, Tuple

    from bkagent.report import Report

KEPT_BYTES = 1024 * 1024  # what is smaller is downloaded again rather than kept in parts


class PlannedDownload(NamedTuple):
    """One artifact.

    parts      the names that lead to its file below the destination
    kept_name  of the file while it is not whole, for a later run to go on with; "" where it is not kept
    problem    why it cannot be downloaded, "" as a rule
    """

    artifact: Artifact
    parts: Tuple[str, ...] = ()
    kept_name: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """The path of the artifact, in messages; its id where it has no path."""
        return one_line(self.artifact.path.replace("\\", "/") or self.artifact.id)


def plan(artifacts: Sequence[Artifact], folder: DestinationFolder, report: Report) -> List[PlannedDownload]:
    """Return what is to be downloaded, in the order of the list, those with a problem among them.

    Of several artifacts with one path the last one uploaded is downloaded, or the last in the list where that is not
    known; a warning says so.
    """
    routed = [_routed(artifact, folder) for artifact in artifacts]
    newest = _newest_of_each(routed, report)
    clashes = case_clashes([planned.artifact.path for planned in newest])
    if clashes and folder.tells_case_apart():
        clashes = {}
    taken = _Taken([planned.parts for planned in newest])
    return [_checked(planned, clashes, taken) for planned in newest]


class _Taken:
    """The names of all files of a download, and of the folders above them."""

    def __init__(self, paths: Iterable[Tuple[str, ...]]) -> None:
        self.folders: Set[Tuple[str, ...]] = set()
        self._names: Set[str] = set()
        for parts in paths:
            self.folders.update(parts[:count] for count in range(1, len(parts)))
            self._names.add("/".join(parts).lower())

    def has_file(self, parts: Sequence[str]) -> bool:
        """Return whether one of them has that name, in upper or lower case."""
        return "/".join(parts).lower() in self._names


def _routed(artifact: Artifact, folder: DestinationFolder) -> PlannedDownload:
    if not artifact.path:
        return PlannedDownload(artifact, problem="its record has no path that could name a file")
    try:
        return PlannedDownload(artifact, tuple(folder.steps_to(artifact.path.replace("\\", "/"))))
    except AgentError as problem:
        return PlannedDownload(artifact, problem=str(problem))


def _newest_of_each(routed: Sequence[PlannedDownload], report: Report) -> List[PlannedDownload]:
    newest: Dict[Tuple[str, ...], PlannedDownload] = {}
    counts: Dict[Tuple[str, ...], int] = {}
    unroutable = [planned for planned in routed if not planned.parts]
    for planned in routed:
        if planned.parts:
            counts[planned.parts] = counts.get(planned.parts, 0) + 1
            other = newest.get(planned.parts)
            if other is None or _uploaded_ns(planned) >= _uploaded_ns(other):
                newest[planned.parts] = planned
    for parts, count in counts.items():
        if count > 1:
            artifact = newest[parts].artifact
            report(
                "warn",
                f'{count} artifacts have the path "{newest[parts].name}": the one uploaded last is downloaded '
                f"({one_line(artifact.id)} of job {one_line(artifact.job_id)})",
            )
    return [*newest.values(), *unroutable]


def _uploaded_ns(planned: PlannedDownload) -> int:
    try:
        return nanoseconds_of(planned.artifact.created_at) or 0
    except (ValueError, OverflowError):
        return 0


def _checked(planned: PlannedDownload, clashes: Dict[str, str], taken: _Taken) -> PlannedDownload:
    """Return it with its problem, or with the name under which it is kept until it is whole."""
    artifact, parts = planned.artifact, planned.parts
    problem = planned.problem
    if artifact.path in clashes:
        earlier = one_line(clashes[artifact.path])
        problem = f'"{earlier}" is the same file here, since this file system does not distinguish upper and lower case'
    elif parts in taken.folders:
        problem = "another artifact has this path as its folder, and a file cannot be a folder as well"
    if problem:
        return PlannedDownload(artifact, parts, problem=problem)
    kept_name = partial_name(parts[-1], artifact.sha256) if artifact.size >= KEPT_BYTES else ""
    if taken.has_file((*parts[:-1], kept_name)):
        kept_name = ""  # an artifact has that name: it must not be taken for a part of this one
    return PlannedDownload(artifact, parts, kept_name)
