"""The files that describe a job to programs outside it: its variables, and whether it ran out of time.

They hold what the control plane sent and no value of the agent's, since containers are started from them.
"""

from __future__ import annotations

import json
import os
from typing import Mapping, Sequence

from bkagent.wire.go_quoted import go_quote

_JSON_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


class JobFiles:
    """The files of one job, in `folder`; an agent that takes the job over uses the same names."""

    def __init__(self, folder: str, job_id: str) -> None:
        self.env_path = os.path.join(folder, f"job-env-{job_id}")
        self.env_json_path = os.path.join(folder, f"job-env-json-{job_id}")
        self.timeout_path = os.path.join(folder, f"job-timeout-{job_id}")

    def write(self, env: Mapping[str, str], agent_names: Sequence[str] = ()) -> None:
        """Write the variables, readable by this user alone; before them the agent's own, by name. Raises OSError."""
        lines = "".join(name + "\n" for name in agent_names)
        lines += "".join(f"{name}={go_quote(value)}\n" for name, value in env.items())
        _write(self.env_path, lines)
        _write(self.env_json_path, as_json(env) + "\n")

    def mark_timed_out(self) -> None:
        """Tell the job that it is cancelled because its time is up. Raises OSError."""
        _write(self.timeout_path, "true")

    def remove(self) -> None:
        """Remove what is there."""
        for path in (self.env_path, self.env_json_path, self.timeout_path):
            remove_if_there(path)


def remove_if_there(path: str) -> None:
    """Remove a file; one that is gone, or that cannot be removed, is passed over."""
    try:
        os.unlink(path)
    except OSError:
        pass


def as_json(env: Mapping[str, str]) -> str:
    """Return variables as Go's encoder writes them: sorted, compact, safe inside HTML."""
    text = json.dumps(dict(env), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for letter, escape in _JSON_ESCAPES.items():
        text = text.replace(letter, escape)
    return text


def _write(path: str, text: str) -> None:
    # A name that another user has put there first, as a link say, is not written through.
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(fd, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
