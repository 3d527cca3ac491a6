"""Named pipes, which stand for Unix sockets on Windows: the system has those since 2018, Python does not offer them.

The promises are in local_socket.py. What each flag is for, by
https://learn.microsoft.com/windows/win32/api/namedpipeapi/nf-namedpipeapi-createnamedpipew: the first instance of a
pipe fails where any other program has one of that name, the descriptor keeps other users from connecting and from
adding instances, and clients of other machines are refused. A client lets the server know who it is, not act as it,
and looks at whose the pipe is: once its server has ended, any program could have made it anew.
"""

import _winapi
import errno
import os
import sys
import time

from bkagent.system import renaming

if sys.platform == "win32":  # what is imported is empty for type checkers of other systems
    from bkagent.system._pipe_connection_windows import PipeConnection, wait_ms

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Tuple

LIES_IN_FOLDER = False
IS_SELECTABLE = False
_PREFIX = "\\\\.\\pipe\\"
_NAME_BYTES = 16
_LONGEST_LINK_BYTES = 512
_BUFFER_BYTES = 64 * 1024
_FREE_COUNT = 16  # instances that wait for clients; one more client waits until one of these is replaced
_REJECT_REMOTE_CLIENTS = 8
_IDENTIFICATION = 0x00110000  # SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION
_ACCESS_DENIED = 5
_PIPE_BUSY = 231
_NO_DATA = 232
_SEM_TIMEOUT = 121


class PipeListener:
    """The instances of a pipe that wait for clients. One thread accepts; `close` comes after that."""

    def __init__(self, name: str, free_count: int) -> None:
        from bkagent.system._pipe_security_windows import OwnerOnly

        self._name, self._free_count = name, max(1, min(free_count, _FREE_COUNT))
        self._security = OwnerOnly()
        self._waiting: "List[Tuple[int, _winapi.Overlapped]]" = []
        self._add(_winapi.FILE_FLAG_FIRST_PIPE_INSTANCE)

    def accept(self) -> PipeConnection:
        """Return the next connection. Raises OSError where there can be none."""
        while True:
            self._fill_up()
            at = _winapi.WaitForMultipleObjects([begun.event for _, begun in self._waiting], False, _winapi.INFINITE)
            handle, begun = self._waiting.pop(at - _winapi.WAIT_OBJECT_0)
            try:
                code = begun.GetOverlappedResult(True)[1]
            except OSError as problem:
                code = problem.winerror
            if not code:
                return PipeConnection(handle)
            # The client has gone already, or the thread that began this has ended, which ends what it waited for.
            _winapi.CloseHandle(handle)

    def close(self) -> None:
        """Have no instance wait any more."""
        for handle, begun in self._waiting:
            begun.cancel()
            try:
                begun.GetOverlappedResult(True)
            except OSError:
                pass
            _winapi.CloseHandle(handle)
        self._waiting.clear()

    def _fill_up(self) -> None:
        try:
            while len(self._waiting) < self._free_count:
                self._add(0)
        except OSError:
            if not self._waiting:
                raise

    def _add(self, flags: int) -> None:
        handle = _winapi.CreateNamedPipe(
            self._name,
            _winapi.PIPE_ACCESS_DUPLEX | _winapi.FILE_FLAG_OVERLAPPED | flags,
            _winapi.PIPE_WAIT | _REJECT_REMOTE_CLIENTS,
            _winapi.PIPE_UNLIMITED_INSTANCES,
            _BUFFER_BYTES,
            _BUFFER_BYTES,
            0,
            self._security.address,
        )
        try:
            self._waiting.append((handle, _winapi.ConnectNamedPipe(handle, overlapped=True)))
        except OSError as problem:
            _winapi.CloseHandle(handle)
            if problem.winerror != _NO_DATA:  # a client that came and went between the two calls
                raise


def available() -> bool:
    """Say that there is something like Unix sockets."""
    return True


def longest_path_bytes() -> int:
    """Return the longest path of the file that names a pipe; pipes have names of their own."""
    return 32767


def new_address(folder: str, name: str) -> str:
    """Return a new name that nobody can guess: all pipes of a machine share one name space, and no folder.

    It begins with `name`, which tells people whose it is.
    """
    return f"{_PREFIX}bkagent-{name.partition('.')[0]}-{os.urandom(_NAME_BYTES).hex()}"


def exists(address: str) -> bool:
    """Say yes: nobody can remove a pipe that is served, and looking for it would be a client's coming."""
    return True


def remove(address: str) -> None:
    """Do nothing: a pipe goes with its server."""


def listen(path: str, backlog_count: int) -> PipeListener:
    """Return a listener of a pipe that does not exist yet. Raises OSError."""
    try:
        return PipeListener(path, backlog_count)
    except OSError as problem:
        # The former is how Windows says, with the flag of the first instance, that there is one.
        if problem.winerror not in (_ACCESS_DENIED, _PIPE_BUSY):
            raise
        raise OSError(errno.EADDRINUSE, "another program has this name", path) from None


def accept(listener: PipeListener) -> PipeConnection:
    """Return the next connection. Raises OSError."""
    return listener.accept()


def connect(path: str, timeout_s: float) -> PipeConnection:
    """Return a connection to the pipe that `path` is, or that the file `path` names. Raises OSError."""
    name, deadline = (path if path.startswith(_PREFIX) else _read_link(path)), time.monotonic() + timeout_s
    while True:
        try:
            handle = _winapi.CreateFile(
                name, _winapi.GENERIC_READ | _winapi.GENERIC_WRITE, 0, _winapi.NULL, _winapi.OPEN_EXISTING,
                _winapi.FILE_FLAG_OVERLAPPED | _IDENTIFICATION, _winapi.NULL,
            )  # fmt: skip
            break
        except OSError as problem:
            if problem.winerror != _PIPE_BUSY:
                raise
        _wait_for_instance(name, deadline)
    connection = PipeConnection(handle)
    try:
        _check_owner(handle)
    except OSError:
        connection.close()
        raise
    connection.settimeout(timeout_s)
    return connection


def end_accept(listener: PipeListener, path: str) -> None:
    """End an `accept` that waits on another thread."""
    try:
        connect(path, 1.0).close()
    except OSError:
        pass


def is_own_user(connection: PipeConnection) -> bool:
    """Say yes: the pipe's security descriptor lets nobody else connect."""
    return True


def link_target(path: str) -> str:
    """Return the name in the file `path`, "" where it has none."""
    try:
        return _read_link(path)
    except OSError:
        return ""


def link(path: str, target: str) -> None:
    """Write a file at `path` that names a pipe. Raises OSError."""
    aside = f"{path}-{os.urandom(_NAME_BYTES).hex()}"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_BINARY | os.O_NOINHERIT, 0o600)
    try:
        os.write(fd, target.encode("ascii"))
    finally:
        os.close(fd)
    try:
        renaming.replace(aside, path)  # a reader has it open for microseconds, and cannot be asked for more
    except OSError:
        os.unlink(aside)
        raise


def _read_link(path: str) -> str:
    fd = os.open(path, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    try:
        name = os.read(fd, _LONGEST_LINK_BYTES).decode("ascii", "replace")
    finally:
        os.close(fd)
    if not name.startswith(_PREFIX):
        raise FileNotFoundError(errno.ENOENT, f"it is neither a named pipe ({_PREFIX}…) nor a file that names one")
    return name


def _wait_for_instance(name: str, deadline: float) -> None:
    left_ms = wait_ms(deadline)
    if left_ms <= 1:
        raise BlockingIOError(errno.EAGAIN, "its server has no room for another client")
    try:
        _winapi.WaitNamedPipe(name, left_ms)
    except OSError as problem:
        if problem.winerror != _SEM_TIMEOUT:
            raise


def _check_owner(handle: int) -> None:
    from bkagent.system._pipe_security_windows import foreign_owner

    owner = foreign_owner(handle)
    if owner is not None:
        raise PermissionError(f"it is served by another user ({owner}): nothing was sent")
