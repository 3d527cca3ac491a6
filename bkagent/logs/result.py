"""`result.json`: how a job ended. Written in one step before the job process ends, and read from there alone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import Optional

from bkagent.errors import WireError
from bkagent.system.durable import replace_file

NAME = "result.json"


@dataclass(frozen=True)
class Result:
    """How a job ended. `exit_status` is -1 for a death by signal and for a job that was lost."""

    exit_status: int
    signal: str = ""  # SIGTERM, say
    signal_reason: str = ""  # cancel, agent_stop, agent_refused, signature_rejected, process_run_error …
    finished_at: str = ""  # RFC 3339


def write(folder: str, result: Result, *, to_disk: bool = True) -> None:
    """Put the result into a spool entry: whole when this returns, and on disk unless the caller sees to that later.

    Raises OSError.
    """
    replace_file(os.path.join(folder, NAME), (json.dumps(asdict(result)) + "\n").encode(), to_disk=to_disk)


def read(folder: str) -> Optional[Result]:
    """Return the result of a spool entry, or None when there is none yet. Raises WireError for a damaged one."""
    try:
        with open(os.path.join(folder, NAME), encoding="utf-8") as file:
            text = file.read()
    except FileNotFoundError:
        return None
    try:
        document = json.loads(text)
        status = document["exit_status"]
        texts = {name: document.get(name, "") for name in ("signal", "signal_reason", "finished_at")}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise WireError(f"{NAME} of {folder} cannot be read") from None
    kinds = [type(status), *map(type, texts.values())]
    if kinds != [int, str, str, str]:
        raise WireError(f"{NAME} of {folder} has a field of the wrong kind")
    return Result(status, **texts)
