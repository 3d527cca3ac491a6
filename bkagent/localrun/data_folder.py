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
    """Keeps other local runs away from a data folder until closed.

    Raises AgentError when one is using it, ConfigError where it cannot be locked.
    """

    def __init__(self, data: str) -> None:
        path = os.path.join(data, "lock")
        try:
            self._fd = file_lock.open_lock(path)
        except OSError as error:
            raise ConfigError(f"cannot open {path}: {error.strerror}") from error
        try:
            is_ours = file_lock.try_lock(self._fd)
        except OSError as error:
            os.close(self._fd)
            reason = file_lock.why_unsupported(path, error)
            raise ConfigError(f"{reason} with --data" if reason else f"cannot lock {path}: {error.strerror}") from error
        if not is_ours:
            os.close(self._fd)
            raise AgentError(f"another local run is using {data}; wait for it, or choose another folder with --data")

    def close(self) -> None:
        """Let the next local run in."""
        os.close(self._fd)
