"""Pass variables that exceed the limits of exec to a job process, which is a program of its own, through a file."""

from __future__ import annotations

import json
import os
from typing import Dict, Mapping

from bkagent.spool import layout
from bkagent.system import environment_limits
from bkagent.system.plain_file import open_plain

_FILE = layout.JOB_ENV_PREFIX + "spilled"


def write(entry_folder: str, env: Mapping[str, str]) -> Dict[str, str]:
    """Write what does not fit into the entry; return the rest. Raises OSError."""
    overflow = set(environment_limits.left_out(env))
    if overflow:
        fd = open_plain(os.path.join(entry_folder, _FILE), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
            json.dump({name: env[name] for name in overflow}, file, ensure_ascii=False)
    return {name: value for name, value in env.items() if name not in overflow}


def exists(entry_folder: str) -> bool:
    """Return whether `restore` has something to add."""
    return os.path.lexists(os.path.join(entry_folder, _FILE))


def restore(entry_folder: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment that the agent meant, from what this process was given and the file, which is removed."""
    path = os.path.join(entry_folder, _FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", opener=open_plain) as file:
            overflow: Dict[str, str] = json.load(file)
    except FileNotFoundError:
        return environ
    os.unlink(path)
    return {**environ, **overflow}
