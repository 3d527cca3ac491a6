"""A job's shell: its environment, its working directory, its log, and how commands run in them."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence

from bkagent.errors import Cancelled, JobFailed
from bkagent.shell import process, programs, prompt, words
from bkagent.shell.cancellation import Cancellation
from bkagent.shell.env_size_limit import EnvSizeLimit
from bkagent.shell.launch import Launch
from bkagent.shell.log_lines import LogLines
from bkagent.system import signals
from bkagent.system.process_start import Ended
from bkagent.wire.go_duration import format_precise

Watch = Callable[[bytes], None]

TERMINAL_KIND = "xterm-256color"  # what the terminals of a job's commands are
# The list of all files of a very large repository fits.
MOST_CAPTURED_BYTES = 256 * 1024 * 1024


class CommandFailed(JobFailed):
    """A command ended with `exit_code`, or with -1 by the signal named `signal`."""

    def __init__(self, ended: Ended) -> None:
        if ended.signal:
            text = f"signal: {signals.description(ended.signal)}"
        else:
            text = f"exit status {ended.exit_code}"
        super().__init__(text, ended.exit_code)
        self.signal = ended.signal


class Session:
    """Runs a job's commands, one at a time.

    env           the job's variables as they are now; hold `lock` to change or to walk through them
    first_env     those variables as they were at the start
    base_env      what every process gets besides, whatever `env` says
    cwd           absolute path of the working directory
    log           where the job's log goes
    cancellation  what stops the commands; `in_grace` replaces it for a while
    pty           whether commands get a terminal; `raw` for one that changes no byte
    """

    def __init__(
        self,
        env: Mapping[str, str],
        cwd: str,
        log: LogLines,
        *,
        cancellation: Optional[Cancellation] = None,
        pty: bool = True,
        raw: bool = False,
        base_env: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.env: Dict[str, str] = dict(env)
        self.first_env: Mapping[str, str] = dict(env)
        self.base_env: Mapping[str, str] = dict(base_env or {})
        self.lock = threading.RLock()
        self.cwd, self.log = cwd, log
        self.cancellation = cancellation or Cancellation()
        self.pty, self.raw = pty, raw
        self._fitting = EnvSizeLimit(log.warning)

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        shown: Optional[str] = None,
        watch: Optional[Watch] = None,
        pty: Optional[bool] = None,
    ) -> None:
        """Show a prompt, run a command, its output going to the log.

        `env` is added for this command alone; `shown` is the prompt's text, "" for no prompt; `watch` gets what the
        command prints, as it comes (lines end in CRLF under a terminal).
        Raises CommandFailed, StartFailed, or Cancelled when the stop was asked for before.
        """
        if shown != "":
            self.log.prompt(prompt.command_line(argv) if shown is None else shown)
        has_terminal = self.pty if pty is None else pty
        self._run(argv, env, cwd, has_terminal, None, _both(watch, self.log.child), None)

    def capture(
        self,
        argv: Sequence[str],
        *,
        env: Optional[Mapping[str, str]] = None,
        cwd: Optional[str] = None,
        stdin: bytes = b"",
        watch: Optional[Watch] = None,
        hidden: bool = False,
        shown: Optional[Sequence[str]] = None,
    ) -> str:
        """Run a command without a terminal or a prompt; return what it printed to stdout.

        Its stderr goes to the log unless `hidden`; `watch` gets stderr as it arrives. A debug log shows both that and
        a prompt, of the words `shown` where they are given. Raises as `run` does.
        """
        output = _Captured()
        if self.log.is_debug:
            self.log.prompt(prompt.hidden_command_line(shown or argv))
            hidden = False
        errors = _both(watch, _nowhere if hidden else self._take_piped)
        self._run(argv, env, cwd, False, stdin, output.take, errors)
        return output.text()

    def _take_piped(self, output: bytes) -> None:
        """Write what came through a pipe to the log, its lines ended as those of the job's terminals are."""
        self.log.child(output.replace(b"\n", b"\r\n") if self.pty and not self.raw else output)

    def chdir(self, path: str) -> None:
        """Go to a folder, relative to the present one, and show that. Raises JobFailed when it is no folder."""
        target = os.path.normpath(os.path.join(self.cwd, path))
        self.log.prompt(f"cd {words.quoted(path)}")
        if not os.path.isdir(target):
            raise JobFailed(f"cannot change to the folder {target}: it does not exist", 1)
        self.cwd = target

    def which(self, name: str) -> Optional[str]:
        """Return the path of a program as the job's PATH finds it, None where it does not."""
        return programs.find(name, self.child_env(), self.cwd)

    def child_env(self, extra: Optional[Mapping[str, str]] = None) -> Dict[str, str]:
        """Return the environment of a command that would start now."""
        with self.lock:
            env = {**self.env, **self.base_env, "PWD": self.cwd}
        env.update(extra or {})
        return env

    @contextmanager
    def in_grace(self) -> Iterator[None]:
        """Let the commands inside run on when the job is cancelled, for the time that cleaning up may take."""
        before = self.cancellation
        self.cancellation = before.grace()
        try:
            yield
        finally:
            self.cancellation = before

    def _run(
        self,
        argv: Sequence[str],
        extra: Optional[Mapping[str, str]],
        cwd: Optional[str],
        pty: bool,
        stdin: Optional[bytes],
        sink: Watch,
        errors: Optional[Watch],
    ) -> None:
        if self.cancellation.requested:
            raise Cancelled("the job has been cancelled")
        folder = os.path.join(self.cwd, cwd) if cwd else self.cwd
        env = self.child_env(extra)
        if cwd:
            env["PWD"] = folder
        if pty:
            env["TERM"] = TERMINAL_KIND
        env = self._fitting.part_of(env)
        program = programs.find(argv[0], env, folder) or argv[0]
        launch = Launch([program, *argv[1:]], env, folder, pty, self.raw, stdin)
        started_at = time.monotonic()
        try:
            ended = process.run(launch, sink, self.cancellation, errors, self.log.debug)
        finally:
            self.log.debug(f"↳ Command completed in {format_precise(time.monotonic() - started_at)}")
        if ended.exit_code != 0:
            raise CommandFailed(ended)


class _Captured:
    """The output of a command, as long as that fits into memory without harm."""

    def __init__(self) -> None:
        self._pieces: List[bytes] = []
        self._left_bytes = MOST_CAPTURED_BYTES

    def take(self, output: bytes) -> None:
        self._left_bytes -= len(output)
        if self._left_bytes < 0:
            raise JobFailed(f"the output of a command is longer than {MOST_CAPTURED_BYTES} bytes", 1)
        self._pieces.append(output)

    def text(self) -> str:
        return b"".join(self._pieces).decode("utf-8", "surrogateescape")


def _both(watch: Optional[Watch], sink: Watch) -> Watch:
    if watch is None:
        return sink
    first = watch

    def call(output: bytes) -> None:
        first(output)
        sink(output)

    return call


def _nowhere(output: bytes) -> None:
    """Drop output that is not shown."""
