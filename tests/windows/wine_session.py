"""Windows programs under Wine, in a Windows of their own: a copy of the bed's prefix with one wineserver.

    with WineSession(bed, folder) as wine:
        wine.run("cmd", "/c", "ver").stdout
        wine.run(wine.python("3.8"), wine.windows_path(script), cwd=folder)

What a session starts cannot outlive it: its end ends the wineserver, and that all of its programs. Registry, services
and user profiles are the session's own. Programs of two sessions share the machine's files and its loopback network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Dict, List, Mapping, Optional, Type, Union

TIMEOUT_S = 120.0
PYTHONS = ("3.8", "3.13")
# Wine's C library is newer than that of many hosts, so its processes see the bed's /usr, as with bed.sh's `wine`.
_ENTER = (
    'mount --bind "$0/usr" /usr && mount --bind "$0/etc/ld.so.cache" /etc/ld.so.cache && '
    'program=/usr/lib/wine/$1 && shift && exec "$program" "$@"'
)
_WAIT_FOR_END = "import sys; print('open', flush=True); sys.stdin.read()"


def missing_part(bed: Path) -> str:
    """Return a sentence on why the bed cannot be used, "" if it can."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return "only root of a Linux can use the Windows bed"
    parts = ("root", "prefix/.ready", *(f"python{version}/python.exe" for version in PYTHONS))
    missing = [part for part in parts if not (bed / part).exists()]
    return f"{bed} has no {missing[0]}: sh tests/windows/bed.sh makes it" if missing else ""


class WineSession:
    """One Windows; `folder` is for what the tests write, and is the programs' working folder."""

    def __init__(self, bed: Path, folder: Path) -> None:
        self.bed, self.folder = bed, folder
        self.prefix = bed / "sessions" / str(os.getpid())
        self._programs: List["subprocess.Popen[bytes]"] = []

    def __enter__(self) -> "WineSession":
        self._copy_prefix()
        # One program that stays: the wineserver ends with the last one, and takes seconds to start.
        self._first = self.start(self.python(PYTHONS[-1]), "-I", "-S", "-c", _WAIT_FOR_END, stdin=subprocess.PIPE)
        assert self._first.stdout is not None
        assert self._first.stdout.readline().strip() == b"open", "Wine does not start: may this process mount?"
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._wineserver("-k")
        for program in self._programs:
            program.kill()
            program.communicate()
        self._wineserver("-w")
        shutil.rmtree(str(self.prefix), ignore_errors=True)

    def python(self, version: str) -> str:
        """Return the path of a Windows Python, as `run` and `start` take it."""
        return self.windows_path(self.bed / f"python{version}" / "python.exe")

    @property
    def git_folder(self) -> Optional[str]:
        """The Windows path of the folder with git.exe, for `path=`; None where the bed was made without it."""
        folder = self.bed / "git" / "bin"
        return self.windows_path(folder) if (folder / "git.exe").exists() else None

    def windows_path(self, path: Union[str, Path]) -> str:
        """Return the name that Windows programs have for a file of this machine."""
        drive_c = str(self.prefix / "drive_c")
        absolute = os.path.abspath(str(path))
        if absolute == drive_c or absolute.startswith(drive_c + "/"):
            return "C:\\" + absolute[len(drive_c) + 1 :].replace("/", "\\")
        return "Z:" + absolute.replace("/", "\\")

    def unix_path(self, path: str) -> Path:
        """Return the name that this machine has for a file on C: or Z:."""
        drive, rest = path[:2].upper(), path[2:].replace("\\", "/").lstrip("/")
        assert drive in ("C:", "Z:"), path
        return (self.prefix / "drive_c" if drive == "C:" else Path("/")) / rest

    def run(
        self,
        *argv: str,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[Path] = None,
        path: str = "",
        stdin: bytes = b"",
        timeout_s: float = TIMEOUT_S,
        check: bool = False,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a Windows program to its end; its output as text with LF, UTF-8 as Pythons under Wine print it.

        `path` is put in front of the system's folders (`;` between several). A program that runs for longer than
        `timeout_s` is ended, and with it what it started; that fails the test.
        """
        program = self.start(*argv, env=env, cwd=cwd, path=path, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = program.communicate(stdin, timeout_s)
        except subprocess.TimeoutExpired as late:
            program.kill()
            program.wait()  # and not for its pipes, which a service of Wine's that it started may hold
            for pipe in (program.stdin, program.stdout, program.stderr):
                if pipe is not None:
                    pipe.close()
            said = f"it said:\n{late.output!r}\n{late.stderr!r}"
            raise AssertionError(f"{argv} did not end in {timeout_s:g} s; {said}") from None
        finally:
            self._programs.remove(program)
        done = subprocess.CompletedProcess(argv, program.returncode, _text(output), _text(errors))
        assert not check or done.returncode == 0, (argv, done)
        return done

    def start(
        self,
        *argv: str,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[Path] = None,
        path: str = "",
        stdin: "Union[int, None]" = subprocess.DEVNULL,
        stdout: "Union[int, None]" = subprocess.PIPE,
        stderr: "Union[int, None]" = subprocess.STDOUT,
    ) -> "subprocess.Popen[bytes]":
        """Start a Windows program. The Unix process is the Windows process: `kill()` is a crash of it alone.

        Wine takes the variables but for PATH (that is `path`), HOME, TEMP and TMP, which are the Windows user's own.
        """
        program = subprocess.Popen(
            self._command("wine64", *argv), env=self._environment(env or {}, path), cwd=str(cwd or self.folder),
            stdin=stdin, stdout=stdout, stderr=stderr,
        )  # fmt: skip
        self._programs.append(program)
        return program

    def end_tree(self, windows_pid: int) -> None:
        """End a Windows process and what it has started, if it still runs."""
        self.run("taskkill", "/F", "/T", "/PID", str(windows_pid))

    def _copy_prefix(self) -> None:
        self.prefix.parent.mkdir(exist_ok=True)
        for other in self.prefix.parent.iterdir():
            if not os.path.exists(f"/proc/{other.name}"):
                shutil.rmtree(str(other), ignore_errors=True)  # of a session that was killed
        shutil.rmtree(str(self.prefix), ignore_errors=True)
        # Wine replaces the files of the registry, and no program here writes into one of Windows' own files.
        shutil.copytree(str(self.bed / "prefix"), str(self.prefix), symlinks=True, copy_function=os.link)

    def _command(self, program: str, *argv: str) -> List[str]:
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _ENTER, str(self.bed / "root")]
        return [*enter, program, *argv]

    def _environment(self, env: Mapping[str, str], path: str) -> Dict[str, str]:
        variables = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "WINEPREFIX": str(self.prefix), "WINEARCH": "win64", "WINEDEBUG": "-all", "PYTHONDONTWRITEBYTECODE": "1",
            "WINEDLLOVERRIDES": "mscoree,mshtml=;winemenubuilder.exe,winedbg.exe=d",
        }  # fmt: skip
        return {**variables, **({"WINEPATH": path} if path else {}), **env}

    def _wineserver(self, *words: str) -> None:
        subprocess.run(
            self._command("wineserver", *words), env=self._environment({}, ""), timeout=TIMEOUT_S, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n")
