"""Start programs by posix_spawn, which copies nothing of this process: glibc and musl do it by vfork(2).

After a fork every page of this process that is written to is copied once more, though the child is about to become
another program. What posix_spawn cannot do is to go to a folder before it starts the program, so this process goes
there for that moment, and comes back: only where it says that no path of its own depends on where it is.

The signals 32 and 33, which glibc has for its threads, are ignored in the program until it uses them: source,
`__spawni_child` of glibc. So they are in what make(1) and system(3) start.
"""

import os
import sys
import threading

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

_lock = threading.Lock()
_home_fd = -1  # where this process belongs, once it may leave that


def allow() -> None:
    """Let programs be started that way. For a process that uses absolute paths alone."""
    global _home_fd
    if _home_fd < 0 and hasattr(os, "posix_spawn"):
        try:
            _home_fd = os.open(os.curdir, os.O_PATH | os.O_DIRECTORY)
        except OSError:
            pass  # it could not come back: programs are started by fork


def start(
    argv: "List[bytes]",
    env: "Mapping[bytes, bytes]",
    cwd: bytes,
    files: "Tuple[int, int, int]",
    terminal: "Optional[str]",
    leads_session: bool,
    signals: "Tuple[Iterable[int], Iterable[int]]",
) -> int:
    """Return the id of the new process, 0 where it cannot be started this way or not at all: a fork tells.

    It gets the `files` as its standard ones, or the path of a `terminal`, which becomes its controlling one: that of
    the first terminal that the leader of a session opens (see tty_ioctl(4)). It leads a session or, else, a group.
    `signals` are those that it blocks, and those that it gets with their default effect.
    """
    if _home_fd < 0 or min(files) <= 2:
        return 0
    blocked, with_default = signals
    actions: "List[Tuple[int, int, int] | Tuple[int, int, str, int, int]]" = []
    if terminal is not None:
        actions.append((os.POSIX_SPAWN_OPEN, 0, terminal, os.O_RDWR, 0))
        files = (0, 0, 0)
    actions += [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(files) if fd != number]
    leads: "Dict[str, Any]" = {"setsid": True} if leads_session else {"setpgroup": 0}
    try:
        with _lock:
            os.chdir(cwd)
            try:
                return os.posix_spawn(
                    argv[0], argv, env, file_actions=actions, setsigmask=blocked, setsigdef=with_default, **leads
                )
            finally:
                _return_home()
    except (OSError, NotImplementedError):
        return 0


def _return_home() -> None:
    """Go back, if the folder is still open to this process: a job may have closed it. Absolute paths do not need it.

    Raises nothing: a program that has been started must not count as one that could not be.
    """
    try:
        os.fchdir(_home_fd)
    except OSError:
        pass
