"""A file's size and checksums, read in big blocks; SHA-1 and SHA-256 free the interpreter for other threads."""

from __future__ import annotations

import os
from io import FileIO

from bkagent.artifacts.file_identity import FileIdentity, now_ns
from bkagent.errors import AgentError, Cancelled
from bkagent.named_tuple import NamedTuple
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import Callable, Optional

KEPT_BYTES = 64 * 1024  # what is no longer is sent from memory, as it was read
_BLOCK_BYTES = 512 * 1024
_TRIES_COUNT = 3


class Digests(NamedTuple):
    """What identifies a file's content. Checksums in hexadecimal digits.

    content   itself, of a small file
    identity  the version of the file that was read, of a large one, which is read again when it is sent
    """

    size: int
    sha1: str
    sha256: str
    content: Optional[bytes] = None
    identity: Optional[FileIdentity] = None


def read_small(path: str, is_single: bool = False) -> Optional[Digests]:
    """Read a file of at most KEPT_BYTES; return None for a longer one. Raises AgentError when it cannot be read.

    is_single  no other file is read: then the library that is faster for many is not worth its loading
    """
    content = b""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            while len(content) <= KEPT_BYTES:
                block = os.read(descriptor, KEPT_BYTES + 1 - len(content))
                if not block:
                    return _of_content(content, is_single)
                content = content + block if content else block
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise unreadable(path, problem) from problem
    return None


def _of_content(content: bytes, is_single: bool) -> Digests:
    if is_single:
        from bkagent.system.small_digests import sha1_hex, sha256_hex

        return Digests(len(content), sha1_hex(content), sha256_hex(content), content)
    from hashlib import sha256

    return Digests(len(content), weak_digest("sha1", content).hexdigest(), sha256(content).hexdigest(), content)


def read(path: str, cancelled: Callable[[], bool]) -> Digests:
    """Read a whole file, again if it changes meanwhile. Raises AgentError when it cannot be read, Cancelled."""
    for _ in range(_TRIES_COUNT):
        try:
            with FileIO(path) as file:
                read_at_ns, before = now_ns(), os.fstat(file.fileno())
                identity = FileIdentity.of(before, read_at_ns)
                digests = _read(file, cancelled, identity)
                if identity.is_of(os.fstat(file.fileno())):
                    return digests
        except OSError as problem:
            raise unreadable(path, problem) from problem
    raise AgentError(
        f"{one_line(path)} has changed each of the {_TRIES_COUNT} times that it was read: upload it when nothing "
        "writes to it any more"
    )


def _read(file: FileIO, cancelled: Callable[[], bool], identity: FileIdentity) -> Digests:
    """Read a file once for both sums: of a long one a second thread takes the other sum, of the same blocks."""
    from bkagent.artifacts.background_digest import AHEAD_COUNT, BackgroundDigest

    # A file of /proc has more than its size says.
    longest_bytes = min(_BLOCK_BYTES, max(identity.size, KEPT_BYTES) + 1)
    blocks = [memoryview(bytearray(longest_bytes)) for _ in range(AHEAD_COUNT + 1)]
    sha1, sha256, size = weak_digest("sha1"), BackgroundDigest(), 0
    try:
        while True:
            block = blocks[0]
            block_bytes = file.readinto(block)
            if not block_bytes:
                return Digests(size, sha1.hexdigest(), sha256.hexdigest(), identity=identity)
            if cancelled():
                raise Cancelled("stopped while reading a file")
            sha256.update(block[:block_bytes])
            sha1.update(block[:block_bytes])
            size += block_bytes
            blocks.append(blocks.pop(0))
    finally:
        sha256.close()


def unreadable(path: str, problem: OSError) -> AgentError:
    """Return the error of a file that is to be uploaded and cannot be read."""
    name = one_line(path)
    return AgentError(f"building artifact: opening file {name}: open {name}: {reason_of(problem)}")


def weak_digest(name: str, content: bytes = b"") -> "hashlib._Hash":
    """Return a digest by SHA-1 or MD5, which identify files and protect nothing."""
    import hashlib

    try:
        return getattr(hashlib, name)(content, usedforsecurity=False)  # 3.9: for a system that bans it for security
    except TypeError:
        return hashlib.new(name, content)
