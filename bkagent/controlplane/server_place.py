"""Where the server of a data folder can be reached: a file that it leaves there while it runs."""

from __future__ import annotations

import os

from bkagent.system import durable

_NAME = "server.url"


def note(folder: str, url: str) -> None:
    """Leave the URL in the data folder. Raises OSError."""
    durable.replace_file(os.path.join(folder, _NAME), url.encode("ascii", "replace") + b"\n", to_disk=False)


def forget(folder: str) -> None:
    """Take the file away."""
    try:
        os.unlink(os.path.join(folder, _NAME))
    except OSError:
        pass


def read(folder: str) -> str:
    """Return the URL that the folder's server left, or "". A server that was killed leaves one that nobody answers."""
    try:
        with open(os.path.join(folder, _NAME), encoding="ascii", errors="replace") as file:
            return file.read(500).strip()
    except OSError:
        return ""
