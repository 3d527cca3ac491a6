"""Artifacts as people and programs read them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, List, Optional, Sequence

from bkagent.cli.pages import table_layout
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from typing import TextIO

    from bkagent.artifacts.upload.plan import PlannedFile
    from bkagent.wire.artifacts import Artifact

_HEADS = ("PATH", "SIZE", "SHA256", "CREATED", "JOB")
# The columns that a narrow terminal does without, the least useful first.
_EXPENDABLE = ("JOB", "SHA256", "CREATED")
_SHA256_DIGITS = 12
_SECONDS_LENGTH = len("2000-01-01T00:00:00")


def columns_of(out: TextIO) -> Optional[int]:
    """Return how many columns the terminal has, None where `out` is none."""
    if not out.isatty():
        return None
    try:
        return os.get_terminal_size(out.fileno()).columns or None
    except (OSError, ValueError):
        return None


def table(artifacts: Sequence[Artifact], columns_count: int) -> List[str]:
    """Return a line for each artifact, below the names of the columns."""
    rows = [
        tuple(
            cell or "-"
            for cell in (
                one_line(artifact.path), format_size(artifact.size), one_line(artifact.sha256[:_SHA256_DIGITS]),
                one_line(artifact.created_at[:_SECONDS_LENGTH].replace("T", " ")), one_line(artifact.job_id),
            )
        )
        for artifact in artifacts
    ]  # fmt: skip
    return table_layout.lines([_HEADS, *rows], columns_count, _EXPENDABLE, shortened="PATH")


def plan_lines(files: Sequence[PlannedFile], out: TextIO) -> List[str]:
    """Return a line for each file that would be uploaded: a table on a terminal, else fields separated by tabs."""
    columns_count = columns_of(out)
    if columns_count is None:
        return ["\t".join((one_line(file.path), str(file.size), one_line(file.url))) for file in files]
    rows = [(one_line(file.path), format_size(file.size), one_line(file.url)) for file in files]
    expendable = ("URL",) if any(file.url for file in files) else ()
    heads = ("PATH", "SIZE", "URL") if expendable else ("PATH", "SIZE")
    return table_layout.lines(
        [heads, *(row[: len(heads)] for row in rows)], columns_count, expendable, shortened="PATH"
    )


def plain_lines(artifacts: Sequence[Artifact]) -> List[str]:
    """Return a line for each artifact, its fields separated by tabs."""
    return [
        "\t".join(
            one_line(field)
            for field in (artifact.path, str(artifact.size), artifact.sha256, artifact.created_at, artifact.job_id)
        )
        for artifact in artifacts
    ]
