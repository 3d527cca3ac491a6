"""A file's size and checksums, read once in big blocks; SHA-1 and SHA-256 free the interpreter for other threads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import FileIO
from typing import Callable

from bkagent.errors import AgentError, Cancelled
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line

_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Digests:
    """What identifies a file's content. Checksums in hexadecimal digits."""

    size: int
    sha1: str
    sha256: str


def read(path: str, cancelled: Callable[[], bool]) -> Digests:
    """Read a whole file. Raises AgentError when it cannot be read, Cancelled."""
    sha1, sha256, size = weak_digest("sha1"), hashlib.sha256(), 0
    block = bytearray(_BLOCK_BYTES)
    view = memoryview(block)
    try:
        with FileIO(path) as file:
            while True:
                got = file.readinto(block)
                if not got:
                    return Digests(size, sha1.hexdigest(), sha256.hexdigest())
                if cancelled():
                    raise Cancelled(f"stopped while reading {path}")
                sha1.update(view[:got])
                sha256.update(view[:got])
                size += got
    except OSError as problem:
        raise unreadable(path, problem) from problem


def unreadable(path: str, problem: OSError) -> AgentError:
    """Return the error of a file that is to be uploaded and cannot be read."""
    name = one_line(path)
    return AgentError(f"building artifact: opening file {name}: open {name}: {reason_of(problem)}")


def weak_digest(name: str) -> "hashlib._Hash":
    """Return a new digest by SHA-1 or MD5, which identify files and protect nothing."""
    try:
        return hashlib.new(name, usedforsecurity=False)  # 3.9: a system that bans it for security allows this use
    except TypeError:
        return hashlib.new(name)
