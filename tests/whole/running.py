"""What the tests of the whole share: programs from the archive, a git repository, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Optional, Sequence

from tests.fakes.agent_process import AgentProcess
from tests.fakes.installed_archive import program_of

PATIENCE_S = 60.0
# Starts an agent of the archive with flags.
Start = Callable[..., AgentProcess]


class Done:
    """A process that has ended: its status and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def text(self) -> str:
        return self.out + self.err


def bkagent(archive: str, *words: str, cwd: Path, env: Optional[Mapping[str, str]] = None, stdin: str = "") -> Done:
    """Run the archive to its end, without variables of an outer job."""
    done = subprocess.run(
        [*program_of(archive), *words], cwd=str(cwd), env=environment(env), input=stdin.encode(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S,
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def environment(more: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
    """Return the environment of a process under test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    return {**kept, "LANG": "C.UTF-8", **(more or {})}


class Running:
    """A process that goes on; `said` is what it has written to both streams. End it with `with`."""

    def __init__(self, argv: Sequence[str], cwd: Path, said: Path, env: Optional[Mapping[str, str]] = None) -> None:
        self._said = said
        with said.open("wb") as output:
            self.process = subprocess.Popen(
                argv, cwd=str(cwd), env=environment(env), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def wait_said(self, text: str) -> bool:
        """Wait until it has written a text; False when patience ran out or it ended without."""
        return wait_until(lambda: text in self.said, lambda: self.process.poll() is not None)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end; it said:\n{self.said}") from None

    def end(self) -> int:
        """Ask it to end, as a service manager would; return the status."""
        self.signal(signal.SIGTERM)
        return self.wait()


def wait_until(condition: Callable[[], object], hopeless: Callable[[], bool] = lambda: False) -> bool:
    """Wait for something outside this process; False when patience ran out or it can no longer come."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end or hopeless():
            return bool(condition())
        time.sleep(0.01)
    return True


class Repository:
    """A git repository in a folder of its own, with a pipeline and files, all committed."""

    def __init__(self, folder: Path, pipeline: str = "", files: Optional[Mapping[str, str]] = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")
        for name, content in (files or {}).items():
            self.write(name, content)
        if pipeline:
            self.write(".buildkite/pipeline.yml", pipeline)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "first")

    def write(self, name: str, content: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=str(self.folder), check=True, stdout=subprocess.PIPE)
        return done.stdout.decode().strip()

    def log(self, name: str, build: int = 1) -> str:
        """Return the kept log of the step of this name."""
        (path,) = (self.folder / ".bkagent" / "logs" / str(build)).glob(f"*-{name}.log")
        return path.read_text(encoding="utf-8")


def processes_with(variable: str, value: str) -> List[int]:
    """Return the processes whose environment holds a variable; what a marked program has left running."""
    mark, found = f"{variable}={value}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue  # it ended while we looked, or belongs to somebody else
    return found
