"""A file's size and checksums, read in big blocks; SHA-1 and SHA-256 free the interpreter for other threads."""

from __future__ import annotations

import os
import threading
from io import FileIO

from bkagent.artifacts.file_identity import FileChanged, FileIdentity, now_ns
from bkagent.artifacts.thread_edge import run_to_end
from bkagent.errors import AgentError, Cancelled
from bkagent.named_tuple import NamedTuple
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import Callable, Optional, Sequence

KEPT_BYTES = 64 * 1024  # what is no longer is sent from memory, as it was read
_BLOCK_BYTES = 512 * 1024
_SINGLE_PASS_BYTES = 8 * 1024 * 1024  # a thread for less would cost more than it saves
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
                digests = _read(path, file, identity, cancelled)
                if identity.is_of(os.fstat(file.fileno())):
                    return digests
        except FileChanged:
            pass
        except OSError as problem:
            raise unreadable(path, problem) from problem
    raise AgentError(
        f"{one_line(path)} has changed each of the {_TRIES_COUNT} times that it was read: upload it when nothing "
        "writes to it any more"
    )


def _read(path: str, file: FileIO, identity: FileIdentity, cancelled: Callable[[], bool]) -> Digests:
    from hashlib import sha256 as new_sha256

    sha1, sha256 = weak_digest("sha1"), new_sha256()
    if identity.size <= _SINGLE_PASS_BYTES or identity.is_fresh:
        size = _add_content(file, (sha1, sha256), cancelled)
    else:
        with _OwnPass(path, identity, sha256, cancelled) as own_pass:
            size = _add_content(file, (sha1,), cancelled)
            own_pass.wait()
    return Digests(size, sha1.hexdigest(), sha256.hexdigest(), identity=identity)


def _add_content(file: FileIO, digests: "Sequence[hashlib._Hash]", cancelled: Callable[[], bool]) -> int:
    """Add a file to digests from where it stands, and return how many bytes these were. Raises OSError, Cancelled."""
    size, block = 0, memoryview(bytearray(_BLOCK_BYTES))
    while True:
        block_bytes = file.readinto(block)
        if not block_bytes:
            return size
        if cancelled():
            raise Cancelled("stopped while reading a file")
        for digest in digests:
            digest.update(block[:block_bytes])
        size += block_bytes


class _OwnPass:
    """Adds a file to a digest in a thread that reads it by itself, while another thread reads it for another digest.

    To pass the blocks of a single pass from thread to thread takes more time, and more processor time, than to read
    them twice from memory. Not for a file that is fresh: it may change between the two passes without a sign.
    """

    def __init__(
        self, path: str, identity: FileIdentity, digest: "hashlib._Hash", cancelled: Callable[[], bool]
    ) -> None:  # fmt: skip
        self._path, self._identity, self._digest, self._cancelled = path, identity, digest, cancelled
        self._is_over, self._ended = False, threading.Event()
        self._problem: Optional[Exception] = None

    def __enter__(self) -> _OwnPass:
        try:
            threading.Thread(target=self._run, name="artifact-digest", daemon=True).start()
        except RuntimeError:  # where the system lets none be started
            self._run()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True

    def wait(self) -> None:
        """Return when all has been added. Raises OSError, Cancelled, FileChanged if the path led to another file."""
        self._ended.wait()
        if self._problem is not None:
            raise self._problem

    def _run(self) -> None:
        run_to_end(self._add, self._take_problem)
        self._ended.set()

    def _add(self) -> None:
        with FileIO(self._path) as file:
            if not self._identity.is_of(os.fstat(file.fileno())):
                raise FileChanged(self._path)
            _add_content(file, (self._digest,), lambda: self._is_over or self._cancelled())

    def _take_problem(self, problem: Exception) -> None:
        self._problem = problem


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
