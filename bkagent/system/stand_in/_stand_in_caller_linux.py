"""The process that asks for a stand-in, as the kernel describes it: its command line, environment and context."""

import os
import re
import resource
import sys

from bkagent.system.job_group import PREFIX

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

# Lines of /proc/PID/status that say what a process may do, and in which way.
_RIGHTS = (
    b"Uid:", b"Gid:", b"Groups:", b"CapInh:", b"CapPrm:", b"CapEff:", b"CapBnd:", b"CapAmb:",
    b"NoNewPrivs:", b"Seccomp:",
)  # fmt: skip
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
# Two names of one limit have one number.
_LIMITS = tuple(sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}))
# The group of a job lies in that of the agent, whose limits hold for both.
_JOB_GROUP = re.compile(rb"/" + PREFIX.encode() + rb"[0-9a-f]+$|(?<=::)/$", re.MULTILINE)
_READ_BYTES = 1 << 16  # more at a time is memory that is got for a moment
# Names of open files mean something else in another process.
_OWN_FILES = (b"/dev/fd/", b"/proc/self", b"/proc/thread-self")


class ContextMismatch(Exception):
    """The caller differs from this process in a way that a fork cannot make up for."""


class ProcessContext:
    """The namespaces and rights of a process. Processes with equal contexts see the same files and may do the same."""

    def __init__(self, pid: "int | str") -> None:
        """Raises OSError when the process is gone, or may not be looked at."""
        self._limits: "Optional[List[Tuple[int, int]]]" = None  # of this very process, once they are asked for
        self.folder = f"/proc/{pid}/"
        status = _read(self.folder + "status").split(b"\n")
        self.umask = next((int(line[6:], 8) for line in status if line.startswith(b"Umask:")), 0o022)
        root = os.stat(self.folder + "root/.")
        self._seen = (
            [line for line in status if line.startswith(_RIGHTS)], (root.st_dev, root.st_ino),
            _JOB_GROUP.sub(b"", _read(self.folder + "cgroup")),
            [_link(f"{self.folder}ns/{name}") for name in _NAMESPACES], _label(self.folder),
        )  # fmt: skip

    def is_like(self, other: "ProcessContext") -> bool:
        """Whether both run in the same place with the same rights."""
        return self._seen == other._seen

    def differing_limits(self, pid: int) -> "List[Tuple[int, Tuple[int, int]]]":
        """Return the limits of another process that differ from those of this very one, by their numbers.

        Raises ContextMismatch where they are above these, and OSError.
        """
        if self._limits is None:
            self._limits = [resource.getrlimit(kind) for kind in _LIMITS]
        differing = []
        for kind, own in zip(_LIMITS, self._limits):
            limits = resource.prlimit(pid, kind)
            if own != limits:
                if _above(limits[1], own[1]):
                    raise ContextMismatch("it has a limit above ours")
                differing.append((kind, limits))
        return differing


class WaitingCaller:
    """A process that waits for its stand-in."""

    def __init__(self, pid: int, own: ProcessContext) -> None:
        """Raises ContextMismatch, and OSError when it is gone."""
        context = ProcessContext(pid)
        if not context.is_like(own):
            raise ContextMismatch("it runs elsewhere, or as another user")
        command_line, environ = _read(context.folder + "cmdline"), _read(context.folder + "environ")
        if any(name in text for name in _OWN_FILES for text in (command_line, environ)):
            raise ContextMismatch("it names files by their descriptors")
        # A shell comes first.
        self._program, *self._words = command_line.split(b"\0")[1:-1]
        self._variables = environ.split(b"\0")
        if not self._speaks_utf8():
            raise ContextMismatch("its texts are not in UTF-8")
        self._umask = context.umask
        self._limits = own.differing_limits(pid)
        self._priority = os.getpriority(os.PRIO_PROCESS, pid)
        if self._priority < os.getpriority(os.PRIO_PROCESS, 0):
            raise ContextMismatch("it is preferred by the scheduler")
        self._processors = os.sched_getaffinity(pid)
        # What it has besides is soon undone; a limit that was lowered, say, cannot be raised again.
        self.is_undoable = (
            not self._limits
            and self._priority == os.getpriority(os.PRIO_PROCESS, 0)
            and self._processors == os.sched_getaffinity(0)
        )
        self._cwd = os.open(context.folder + "cwd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def env(self) -> "Dict[str, str]":
        """Return its environment as it was started with; the first of two variables of one name counts."""
        variables: "Dict[str, str]" = {}
        for variable in self._variables:
            name, equals, value = variable.partition(b"=")
            if equals and name:
                variables.setdefault(os.fsdecode(name), os.fsdecode(value))
        return variables

    def program(self) -> str:
        """Return the path of the script that it is."""
        return os.fsdecode(self._program)

    def words(self) -> "List[str]":
        """Return its command line behind the name of its program."""
        return [os.fsdecode(word) for word in self._words]

    def become(self) -> None:
        """Take over what a fork inherits of its caller. Raises OSError, ValueError."""
        os.fchdir(self._cwd)
        os.umask(self._umask)
        if self.is_undoable:
            return
        for kind, limits in self._limits:
            resource.setrlimit(kind, limits)
        if self._priority > os.getpriority(os.PRIO_PROCESS, 0):
            os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        if self._processors != os.sched_getaffinity(0):
            os.sched_setaffinity(0, self._processors)

    def close(self) -> None:
        """Let go of its folder."""
        os.close(self._cwd)

    def _speaks_utf8(self) -> bool:
        """Whether Python would use UTF-8 there: it does so in the C locale too."""
        locales: "Dict[bytes, bytes]" = {}
        for variable in self._variables:
            name, _, value = variable.partition(b"=")
            if name in (b"LC_ALL", b"LC_CTYPE", b"LANG") and value:
                locales.setdefault(name, value)
        locale = locales.get(b"LC_ALL") or locales.get(b"LC_CTYPE") or locales.get(b"LANG") or b"C"
        return locale in (b"C", b"POSIX") or locale.lower().replace(b"-", b"").endswith(b"utf8")


def _above(limit: int, other: int) -> bool:
    if other == resource.RLIM_INFINITY:
        return False
    return limit == resource.RLIM_INFINITY or limit > other


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        pieces: "List[bytes]" = []
        while True:
            piece = os.read(fd, _READ_BYTES)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    finally:
        os.close(fd)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""  # a kernel without this kind


def _label(folder: str) -> bytes:
    """Return the label of a security module, empty where the kernel has no such module."""
    try:
        return _read(folder + "attr/current")
    except OSError:
        return b""
