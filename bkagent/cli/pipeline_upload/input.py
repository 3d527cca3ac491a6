"""Where `pipeline upload` reads from: named files, standard input, or the one file in a usual place."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Iterable, Iterator, NamedTuple, Optional

from bkagent.errors import AgentError
from bkagent.pipeline.document.pipeline_file import PLACES, read_file, read_stream
from bkagent.wire.go_quoted import go_quote

if TYPE_CHECKING:
    from bkagent.cli.command import Call


class Input(NamedTuple):
    """One text and the name it has in messages."""

    name: str
    content: bytes


def inputs(call: Call) -> Iterable[Input]:
    """Return what is to be uploaded. Raises AgentError saying what is missing.

    Files have been read: where one is missing or empty, nothing is uploaded. Standard input is read when asked for.
    """
    if call.arguments:
        call.report("info", f"Reading pipeline configs from [{' '.join(map(go_quote, call.arguments))}]")
        return [read_named(path) for path in call.arguments]
    if _stdin_is_readable(call):
        call.report("info", "Reading pipeline config from STDIN")
        return _standard_input(call)
    call.report("info", "Searching for pipeline config...")
    return [read_named(_find_file(call))]


def _standard_input(call: Call) -> Iterator[Input]:
    yield Input("(stdin)", read_stream(call.stdin.buffer, "(stdin)"))


def read_standard_input(call: Call) -> Optional[Input]:
    """Return the text of standard input, None where that is a terminal, or closed."""
    return next(_standard_input(call)) if _stdin_is_readable(call) else None


def _stdin_is_readable(call: Call) -> bool:
    """Return whether standard input is anything but a terminal or its like, and open."""
    try:
        return not stat.S_ISCHR(os.fstat(call.stdin.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False


def _find_file(call: Call) -> str:
    existing = [path for path in PLACES if os.path.exists(path)]
    if len(existing) > 1:
        names = ", ".join(existing)
        raise AgentError(f"found multiple configuration files: {names}; please keep only 1 configuration file present")
    if not existing:
        raise AgentError(
            "could not find a default pipeline configuration file; name one, send one to standard input, or keep one "
            "as " + ", ".join(PLACES[:-1]) + f" or {PLACES[-1]}"
        )  # fmt: skip
    call.report("info", f'Found config file "{existing[0]}"')
    return existing[0]


def read_named(path: str) -> Input:
    """Return the text of a file. Raises AgentError for one that cannot be read, or is empty."""
    content = read_file(path, path)
    if not content:
        raise AgentError(f'pipeline file "{path}" is empty')
    return Input(os.path.basename(path), content)
