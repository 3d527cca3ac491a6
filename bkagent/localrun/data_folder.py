"""The folder that keeps what local runs leave: `.bkagent/` of the repository, or where --data says."""

from __future__ import annotations

import os

from bkagent.errors import AgentError, ConfigError
from bkagent.system import file_lock, private_folder


def make(path: str) -> str:
    """Make the folder, kept out of git by a `.gitignore` of its own; return its absolute path. Raises ConfigError.

    Others may be able to write to what is above it: they can then change the pipeline that is run, too.
    """
    path = os.path.abspath(path)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            private_folder.make(path, os.path.dirname(path))
        except ConfigError as error:
            raise ConfigError(f"no data folder (--data): {error}") from None
        ignore = os.path.join(path, ".gitignore")
        if not os.path.exists(ignore):
            with open(ignore, "w", encoding="ascii") as file:
                file.write("*\n")
    except OSError as error:
        raise ConfigError(
            f"cannot write to the data folder {path}: {error.strerror}; choose another with --data"
        ) from None
    return path


class Claim:
    """Keeps other local runs away from a data folder until closed. Raises AgentError when one is using it."""

    def __init__(self, data: str) -> None:
        self._fd = os.open(os.path.join(data, "lock"), os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        if not file_lock.try_lock(self._fd):
            os.close(self._fd)
            raise AgentError(f"another local run is using {data}; wait for it, or choose another folder with --data")

    def close(self) -> None:
        """Let the next local run in."""
        os.close(self._fd)
