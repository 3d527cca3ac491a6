"""How a job ended, as its process leaves it: `result.json`, and `result.soon` until that is on the disk.

A result on the disk says that the log is there too, whole; so it is written when the log has been synced. A control
plane may have the result long before a disk has: `result.soon` is for the agent that waits, without a wait for the
disk, and counts only while the machine that wrote it has not been started again.
"""

import json
import os
from typing import NamedTuple, Optional

from bkagent.errors import WireError
from bkagent.system.boot import boot_id
from bkagent.system.durable import replace_file
from bkagent.system.plain_file import read_plain

NAME = "result.json"
SOON = "result.soon"
_LONGEST_BYTES = 64 * 1024
_LARGEST_STATUS = 2**32
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


class Result(NamedTuple):
    """How a job ended. `exit_status` is -1 for a death by signal and for a job that was lost."""

    exit_status: int
    signal: str = ""  # SIGTERM, say
    signal_reason: str = ""  # cancel, agent_stop, agent_refused, signature_rejected, process_run_error …
    finished_at: str = ""  # RFC 3339


def write(folder: str, result: Result) -> None:
    """Put the result into a spool entry: on disk and whole when this returns. The log comes first. Raises OSError."""
    replace_file(os.path.join(folder, NAME), (json.dumps(result._asdict()) + "\n").encode())


def announce(folder: str, result: Result) -> bool:
    """Leave the result for an agent of this boot without waiting for the disk; `write` comes soon. Raises OSError.

    False, and nothing is left, where the system does not tell its boots apart.
    """
    boot = boot_id()
    if not boot:
        return False
    document = {**result._asdict(), "boot": boot}
    replace_file(os.path.join(folder, SOON), (json.dumps(document) + "\n").encode(), to_disk=False)
    return True


def exists(folder: str) -> bool:
    """Return whether `read` finds a result, be it a damaged one."""
    return os.path.lexists(os.path.join(folder, NAME)) or _read_announced(folder) is not None


def read(folder: str) -> Optional[Result]:
    """Return the result of a spool entry, or None before it is written. Raises WireError for a damaged one."""
    try:
        text = _text(folder, NAME)
    except FileNotFoundError:
        return _read_announced(folder)
    except OSError as problem:
        raise WireError(f"{NAME} of {folder} cannot be read: {problem.strerror}") from None
    try:
        return _parse(text)
    except _DAMAGE:
        raise WireError(f"{NAME} of {folder} cannot be read") from None


def _read_announced(folder: str) -> Optional[Result]:
    """Return the announced result of this boot. One that the disk got a part of is of another, or damaged: None."""
    try:
        text = _text(folder, SOON)
        return _parse(text) if json.loads(text)["boot"] == boot_id() else None
    except (OSError, *_DAMAGE):
        return None


def _text(folder: str, name: str) -> bytes:
    return read_plain(os.path.join(folder, name), _LONGEST_BYTES)


def _parse(text: bytes) -> Result:
    document = json.loads(text)
    status = document["exit_status"]
    texts = {name: document.get(name, "") for name in ("signal", "signal_reason", "finished_at")}
    kinds = [type(status), *map(type, texts.values())]
    if kinds != [int, str, str, str]:
        raise TypeError(f"a field of {NAME} is of the wrong kind")
    if abs(status) > _LARGEST_STATUS:
        raise ValueError(f"{NAME} has an exit status that no system knows")
    return Result(status, **texts)
