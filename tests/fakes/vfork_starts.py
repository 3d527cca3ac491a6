"""Starting programs without a copy of the page tables, as `subprocess` does by itself from Python 3.10 on.

Before, `subprocess` forks: a command from a process of pytest that has loaded all tests (150 MB) takes 11 ms of the
processors, with vfork less than one, and the tests start thousands. The processes under test are not touched.
"""

from __future__ import annotations

import _posixsubprocess
import ctypes
import os
import signal
from typing import Any, List, Optional, Sequence, Tuple

__all__ = ["use_vfork"]

# Flags of glibc's <spawn.h>, and more room than its opaque types take (336 bytes at most).
_SETSIGDEF, _SETSID = 0x04, 0x80
_OPAQUE_BYTES = 1024
_fork_exec = _posixsubprocess.fork_exec


def use_vfork() -> None:
    """Have `subprocess` start programs by posix_spawn(3), on a Linux whose C library has what that needs."""
    try:
        libc = ctypes.CDLL(None)
        assert (
            libc.posix_spawn_file_actions_addchdir_np
        )  # from glibc 2.29 on, where dup2 to itself clears close-on-exec
    except (OSError, AttributeError):
        return
    _posixsubprocess.fork_exec = _Starter(libc).start  # type: ignore[attr-defined]


class _Starter:
    """What `subprocess` asks `fork_exec` to do, by posix_spawn; whatever that cannot do goes to `fork_exec`."""

    def __init__(self, libc: Any) -> None:
        self._libc = libc

    def start(self, *arguments: Any) -> int:
        """Start a program and return its process id. For the arguments see CPython 3.8's Modules/_posixsubprocess.c."""
        (argv, programs, closes_others, kept, cwd, env, stdin, _, _, stdout, _, stderr, _, error_pipe, restores_signals,
         has_session, preexec) = arguments  # fmt: skip
        streams = (stdin, stdout, stderr)
        program = next((path for path in programs if not os.path.isabs(path) or os.path.exists(path)), None)
        if program is None or preexec is not None or any(0 <= stream <= 2 for stream in streams):
            return int(_fork_exec(*arguments))
        passed = [number for number in kept if number != error_pipe]
        closed = _inheritable(passed) if closes_others else []
        actions = self._file_actions(streams, passed, closed, cwd)
        attributes = self._attributes(restores_signals, has_session)
        process = ctypes.c_int()
        environ = ctypes.c_void_p.in_dll(self._libc, "environ") if env is None else _strings(env)
        failed = self._libc.posix_spawn(
            ctypes.byref(process), os.fsencode(program), actions, attributes, _strings(argv), environ
        )
        self._libc.posix_spawn_file_actions_destroy(actions)
        # A program or folder that is missing is tried again, for the exception that says so.
        return int(_fork_exec(*arguments)) if failed else process.value

    def _file_actions(
        self, streams: Tuple[int, ...], passed: Sequence[int], closed: Sequence[int], cwd: Optional[Any]
    ) -> Any:
        actions = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self._libc.posix_spawn_file_actions_init(actions)
        for number, stream in enumerate(streams):
            if stream != -1:
                self._libc.posix_spawn_file_actions_adddup2(actions, stream, number)
        for number in passed:
            self._libc.posix_spawn_file_actions_adddup2(actions, number, number)
        for number in closed:
            self._libc.posix_spawn_file_actions_addclose(actions, number)
        if cwd is not None:
            self._libc.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(cwd))
        return actions

    def _attributes(self, restores_signals: bool, has_session: bool) -> Any:
        attributes = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self._libc.posix_spawnattr_init(attributes)
        defaults = ctypes.create_string_buffer(_OPAQUE_BYTES)
        self._libc.sigemptyset(defaults)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            self._libc.sigaddset(defaults, int(number))
        self._libc.posix_spawnattr_setsigdefault(attributes, defaults)
        flags = (_SETSIGDEF if restores_signals else 0) | (_SETSID if has_session else 0)
        self._libc.posix_spawnattr_setflags(attributes, ctypes.c_short(flags))
        return attributes


def _inheritable(passed: Sequence[int]) -> "List[int]":
    """Return the descriptors that a program would get though they are not passed; most close by themselves."""
    numbers = []
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if number > 2 and number not in passed and os.get_inheritable(number):
                numbers.append(number)
        except OSError:
            continue  # that of the listing itself, or another thread has closed it
    return numbers


def _strings(values: "Sequence[Any]") -> Any:
    """Return a NULL-terminated array of C strings."""
    return (ctypes.c_char_p * (len(values) + 1))(*[os.fsencode(value) for value in values], None)
