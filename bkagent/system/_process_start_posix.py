"""Start processes by posix_spawn, or by fork and exec; the promise is in `process_start`.

`subprocess` costs 20 ms to load and cannot give a process its terminal without running Python between fork and
exec either. What runs there is a dozen system calls; all that needs memory is prepared before.
"""

import os
import signal
import sys
import threading

from bkagent.system import _child_signals_posix as child_signals
from bkagent.system import _terminal_posix
from bkagent.system._process_end import Ended
from bkagent.system.signals import name_of

assert sys.platform != "win32"

if sys.platform == "linux":
    from bkagent.system import _process_spawn_linux as spawning
else:
    from bkagent.system import _process_spawn_none as spawning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

TERMINALS = True
# That of os.fsencode, which takes three times as long for a hundred variables.
_ENCODING = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()

# The children started here, until they are reaped: each exit status can be read only once.
_running: "Set[int]" = set()
_running_lock = threading.Lock()


def use_absolute_paths() -> None:
    """See `process_start`."""
    spawning.allow()


class Child:
    """A process that was started. Thread-safe: it is never signalled after its number may belong to another."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._lock = threading.Lock()
        self._ended: "Optional[Ended]" = None

    def signal_group(self, name: str) -> None:
        """Send a signal to the process's group while the process runs. Raises OSError when that is refused."""
        with self._lock:
            if self._ended is not None:
                return
            try:
                os.killpg(self.pid, getattr(signal, name))
            except ProcessLookupError:
                pass

    def kill_group(self) -> None:
        """End the process and its group at once, if the process still runs."""
        for kill in (os.killpg, os.kill):
            with self._lock:
                try:
                    if self._ended is None:
                        kill(self.pid, signal.SIGKILL)
                    return
                except ProcessLookupError:
                    return
                except PermissionError:
                    pass  # it has become another user's; perhaps the process alone has not

    def exit_fd(self) -> int:
        """Return a file descriptor that becomes readable when the process ends. The caller closes it."""
        if hasattr(os, "pidfd_open"):
            try:
                return os.pidfd_open(self.pid)
            except OSError:
                pass  # a kernel before 5.3, or a sandbox without the call
        reading, writing = os.pipe()
        threading.Thread(target=self._close_at_exit, args=(writing,), name=f"exit-{self.pid}", daemon=True).start()
        return reading

    def poll(self) -> "Optional[Ended]":
        """Say how the process ended, None while it runs. Never waits."""
        with self._lock:
            if self._ended is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:
                    pid, status = self.pid, 0
                if pid:
                    self._ended = ended_as(status)
                    _running.discard(self.pid)
            return self._ended

    def wait(self) -> Ended:
        """Wait until the process has ended; say how."""
        self._await_exit()
        with self._lock:
            if self._ended is None:
                self._ended = ended_as(_reap(self.pid))
            return self._ended

    def _await_exit(self) -> None:
        """Wait without reaping where the system can, so that the number stays ours until the lock is held."""
        if self._ended is None and hasattr(os, "waitid"):
            try:
                os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
            except ChildProcessError:
                pass

    def _close_at_exit(self, writing: int) -> None:
        try:
            if hasattr(os, "waitid"):
                self._await_exit()
            else:
                status = _reap(self.pid)
                with self._lock:
                    self._ended = self._ended or ended_as(status)
        finally:
            os.close(writing)


def start_in_terminal(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, raw: bool = False
) -> "Tuple[Child, int]":
    """Start a process in a new session under a new terminal; return it and the terminal's other end."""
    our_fd, process_fd = _terminal_posix.open_pair(raw)
    child = None
    try:
        child = _start(argv, env, cwd, _ChildSetup((process_fd, process_fd, process_fd), has_terminal=True))
        return child, our_fd
    finally:
        os.close(process_fd)
        if child is None:
            os.close(our_fd)


def start_in_group(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
) -> Child:
    """Start a process in a new group of the same session, with these files as its standard ones."""
    return _start(argv, env, cwd, _ChildSetup((stdin, stdout, stderr), leads_session=False))


def start_in_session(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
) -> Child:
    """Start a process in a new session without a terminal, with these files as its standard ones."""
    return _start(argv, env, cwd, _ChildSetup((stdin, stdout, stderr)))


class _ChildSetup:
    """The standard files of a new process, and whether it leads a session, or else a group."""

    __slots__ = ("files", "leads_session", "has_terminal")

    def __init__(self, files: "Tuple[int, int, int]", leads_session: bool = True, has_terminal: bool = False) -> None:
        self.files, self.leads_session, self.has_terminal = files, leads_session, has_terminal

    def apply(self) -> None:
        """Make it so, in the new process."""
        if self.leads_session:
            os.setsid()
        else:
            os.setpgid(0, 0)
        if self.has_terminal:
            _terminal_posix.take(self.files[0])
        place_files(self.files)


def _start(argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, setup: _ChildSetup) -> Child:
    arguments = [to_bytes(word, "an argument") for word in argv]
    variables = variables_of(env)
    folder = to_bytes(cwd, "the working directory")
    with _running_lock:
        pid = _spawn(arguments, variables, folder, setup)
        if pid:
            _running.add(pid)
            return Child(pid)
    return _fork(arguments, variables, folder, setup)


def _spawn(arguments: "List[bytes]", variables: "Dict[bytes, bytes]", folder: bytes, setup: _ChildSetup) -> int:
    """Return the id of a process that was started without a fork, 0 where that is not possible."""
    try:
        terminal = os.ttyname(setup.files[0]) if setup.has_terminal else None
    except OSError:
        return 0  # of a container, say, that does not show its terminals
    signals = child_signals.of_program()
    return spawning.start(arguments, variables, folder, setup.files, terminal, setup.leads_session, signals)


def _fork(arguments: "List[bytes]", variables: "Dict[bytes, bytes]", folder: bytes, setup: _ChildSetup) -> Child:
    failed, failing = os.pipe()
    try:
        mask = child_signals.hold_back()
        try:
            with _running_lock:
                pid = os.fork()
                if pid == 0:
                    _become(arguments, variables, folder, setup, failing, mask)
                _running.add(pid)
        finally:
            child_signals.restore(mask)
            os.close(failing)
        problem = os.read(failed, 8)  # empty: exec closed the other end
    finally:
        os.close(failed)
    if problem:
        _reap(pid)
        number = int(problem)
        raise OSError(number, os.strerror(number), os.fsdecode(arguments[0]))
    return Child(pid)


def _become(
    arguments: "List[bytes]",
    variables: "Dict[bytes, bytes]",
    folder: bytes,
    setup: _ChildSetup,
    failing: int,
    mask: object,
) -> None:
    """Turn this fork into the program; never returns."""
    try:
        setup.apply()
        os.chdir(folder)
        child_signals.set_for_program(mask)
        os.execve(arguments[0], arguments, variables)
    except OSError as problem:
        os.write(failing, str(problem.errno or 1).encode())
    finally:
        os._exit(127)


def fork_in_session(run: "Callable[[], int]", stdin: int, stdout: int, stderr: int) -> Child:
    """Fork this process, which must have one thread. The fork ends with the status that `run` returns.

    It has a session of its own, the root folder, these standard files, and all else that this process has open.
    """
    mask = child_signals.hold_back()
    pid = os.fork()
    if pid:
        child_signals.restore(mask)
        _running.add(pid)
        return Child(pid)
    status = 127
    try:
        child_signals.set_for_fork(mask)
        os.setsid()
        place_files((stdin, stdout, stderr))
        os.chdir(os.sep)
        status = run()
    finally:  # nothing of what this process would have done goes on in its fork
        os._exit(status)


def place_files(files: "Tuple[int, int, int]") -> None:
    """Make the files the standard ones; those that already are ours are first moved out of the way."""
    moved = [fd if fd > 2 else os.dup(fd) for fd in files]
    while min(moved) <= 2:
        moved = [fd if fd > 2 else os.dup(fd) for fd in moved]
    for number, fd in enumerate(moved):
        os.dup2(fd, number)


def variables_of(env: "Mapping[str, str]") -> "Dict[bytes, bytes]":
    """Return the variables as a process gets them. Raises ValueError for what no process can be given."""
    # With "=" in its name a variable cannot be told from one of another name and value.
    env = {name: value for name, value in env.items() if name and "=" not in name}
    try:
        encoded = {name.encode(*_ENCODING): value.encode(*_ENCODING) for name, value in env.items()}
        if b"\0" not in b"".join((*encoded, *encoded.values())):
            return encoded
    except UnicodeEncodeError:
        pass
    return {to_bytes(name, "a variable's name"): to_bytes(env[name], f"the variable {name}") for name in env}


def to_bytes(text: str, role: str) -> bytes:
    """Return a text as a process gets it. Raises ValueError for what no process can be given."""
    try:
        data = os.fsencode(text)
    except UnicodeEncodeError:
        data = b"".join(map(_letter, text))
    if b"\0" in data:
        raise ValueError(f"{role} holds a NUL character, which no process can be given")
    return data


def _letter(letter: str) -> bytes:
    try:
        return letter.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return letter.encode("utf-8", "surrogatepass")


def _reap(pid: int) -> int:
    """Return the wait status of a child; that of a clean exit when another part of the process has reaped it."""
    try:
        return os.waitpid(pid, 0)[1]
    except ChildProcessError:
        return 0
    finally:
        _running.discard(pid)


def collect_stranger(pid: int) -> None:
    """Take note of the end of a child that was not started here, if it has ended."""
    with _running_lock:  # not between a fork and its entry in the list
        if pid in _running:
            return
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def ended_as(status: int) -> Ended:
    """Say what a wait status means."""
    if os.WIFSIGNALED(status):
        return Ended(-1, name_of(os.WTERMSIG(status)))
    return Ended(os.WEXITSTATUS(status))
