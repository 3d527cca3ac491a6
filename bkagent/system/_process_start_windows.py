"""Start processes on Windows, each with all that it starts in a job object; the promise is in `process_start`."""

import ctypes
import os
import signal
import subprocess
import sys
from ctypes import wintypes

from bkagent.system import windows_command_line
from bkagent.system._process_end import Ended

assert sys.platform == "win32"

from bkagent.system._job_object_windows import JobObject  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Sequence, Tuple

TERMINALS = False
_SUSPENDED, _BREAKAWAY = 0x4, 0x01000000
_ACCESS_DENIED = 5
_LONGEST_FOLDER_LETTERS = 258  # MAX_PATH - 2; source: SetCurrentDirectory, which longer paths elsewhere do not change
# A process that the reference ends by its job object has this status; source: job_runner.go, OverrideZeroExitOnCancel.
_ENDED_STATUS = 0

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.GenerateConsoleCtrlEvent.argtypes = (wintypes.DWORD, wintypes.DWORD)
_kernel32.GetSystemDirectoryW.argtypes = (wintypes.LPWSTR, wintypes.UINT)
_ntdll = ctypes.WinDLL("ntdll")
_ntdll.NtResumeProcess.argtypes = (wintypes.HANDLE,)


def use_absolute_paths() -> None:
    """Do nothing: a process is started in its folder here."""


class Child:
    """A process that was started. `tree` is the job object with it and all that it starts, where it has one."""

    def __init__(self, process: "subprocess.Popen[bytes]", tree: "Optional[JobObject]" = None) -> None:
        self.pid = process.pid
        self._process, self._tree = process, tree

    def signal_group(self, name: str) -> None:
        """Send Ctrl+Break to the process and its group; SIGKILL ends them. Raises OSError when that is refused."""
        if self._process.poll() is not None:
            return
        if name == "SIGKILL":
            self.kill_group()
        elif not _kernel32.GenerateConsoleCtrlEvent(signal.CTRL_BREAK_EVENT, self.pid):
            raise ctypes.WinError(ctypes.get_last_error())

    def kill_group(self) -> None:
        """End the process at once, if it still runs, with all that it started."""
        if self._process.poll() is not None:
            return
        if self._tree is not None:
            self._tree.terminate(_ENDED_STATUS)
        else:
            self._process.kill()

    def poll(self) -> "Optional[Ended]":
        """Say how the process ended, None while it runs. Never waits."""
        status = self._process.poll()
        return None if status is None else self._ended(status)

    def wait(self) -> Ended:
        """Wait until the process has ended; say how."""
        return self._ended(self._process.wait())

    def _ended(self, status: int) -> Ended:
        if self._tree is not None:
            self._tree.close()
        return Ended(status)


def start_in_terminal(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, raw: bool = False
) -> "Tuple[Child, int]":
    """Raise OSError: Python can give no terminal here."""
    raise OSError("Windows has no terminals to give")


def start_in_group(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
) -> Child:
    """Start a process in a new group, with these files as its standard ones."""
    process = _start(argv, env, cwd, (stdin, stdout, stderr), _SUSPENDED)
    handle = int(getattr(process, "_handle"))  # noqa: B009 - it has no public name
    # Suspended until it is in there, so that nothing of it can be outside.
    try:
        tree = _new_tree(handle)
    finally:
        _ntdll.NtResumeProcess(handle)
    return Child(process, tree)


def start_in_session(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, stdin: int, stdout: int, stderr: int
) -> Child:
    """Start a process with a console of its own, which has no window and does not end with ours.

    It leaves the job object that this process is in, where that allows it: a service manager's ends with the service.
    """
    files = (stdin, stdout, stderr)
    try:
        return Child(_start(argv, env, cwd, files, subprocess.CREATE_NO_WINDOW | _BREAKAWAY))
    except OSError as error:
        if error.winerror != _ACCESS_DENIED:
            raise
    return Child(_start(argv, env, cwd, files, subprocess.CREATE_NO_WINDOW))


def _start(
    argv: "Sequence[str]", env: "Mapping[str, str]", cwd: str, files: "Tuple[int, int, int]", flags: int
) -> "subprocess.Popen[bytes]":
    program, line = argv[0], ""
    if windows_command_line.runs_by_shell(program):
        program = os.path.join(_system_folder(), "cmd.exe")
        line = windows_command_line.of_batch_file(program, argv)
    else:
        line = windows_command_line.of_program(argv)
    if "\0" in line:
        raise ValueError("an argument holds a NUL character, which no process can be given")
    _check_length(cwd)
    stdin, stdout, stderr = files
    return subprocess.Popen(
        line, executable=program, env=_variables(env), cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
        creationflags=subprocess.CREATE_NEW_PROCESS_GROUP | flags,
    )  # fmt: skip


def _variables(env: "Mapping[str, str]") -> "Dict[str, str]":
    """Return the variables that a process can have, in the order that Windows asks for: by name, without case.

    Not every Python sorts them. Raises ValueError for a value that none can be given.
    Source: https://learn.microsoft.com/windows/win32/procthread/changing-environment-variables
    """
    for name, text in env.items():
        if "\0" in name or "\0" in text:
            raise ValueError(f"the variable {name} holds a NUL character, which no process can be given")
    names = sorted((name for name in env if name and "=" not in name), key=str.upper)
    return {name: env[name] for name in names}


def _check_length(folder: str) -> None:
    if len(folder) > _LONGEST_FOLDER_LETTERS:
        raise ValueError(
            f"the path of the folder {folder} has {len(folder)} characters, and Windows starts no process in a folder "
            f"with more than {_LONGEST_FOLDER_LETTERS}: choose a shorter build path"
        )


def _new_tree(process_handle: int) -> "Optional[JobObject]":
    """Return a job object with this process in it; None where there can be none, and the process alone can be ended."""
    try:
        tree = JobObject()
    except OSError:
        return None
    try:
        tree.assign(process_handle)
    except OSError:
        tree.close()
        return None
    return tree


def _system_folder() -> str:
    path = ctypes.create_unicode_buffer(wintypes.MAX_PATH)
    _kernel32.GetSystemDirectoryW(path, len(path))
    return path.value
