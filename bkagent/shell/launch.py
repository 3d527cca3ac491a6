"""Start one process with its output connected to us."""

from __future__ import annotations

import os
import threading
from typing import Callable, List, Mapping, Optional, Sequence, Set, Tuple

from bkagent.errors import JobFailed
from bkagent.named_tuple import NamedTuple
from bkagent.shell import prompt
from bkagent.system import process_start
from bkagent.wire import go_quoted
from bkagent.wire.go_reason import reason_of

Sink = Callable[[bytes], None]


class Launch(NamedTuple):
    """A process to start. argv[0] is the path of its program; `stdin` is what it reads, None for nothing."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    pty: bool = False
    raw: bool = False
    stdin: Optional[bytes] = None


class StartFailed(JobFailed):
    """A process could not be started: `why`, whatever it was to run. `errno` is the system's reason, 0 for none."""

    def __init__(self, why: str, errno: int = 0, shown: str = "") -> None:
        super().__init__(f"error running {shown}: {why}" if shown else why, 1)
        self.why, self.errno = why, errno


class Running(NamedTuple):
    """A started process and the streams to carry: pairs of a file descriptor of ours and a sink."""

    child: process_start.Child
    streams: List[Tuple[int, Sink]]
    has_terminal: bool = False

    def close(self) -> None:
        """Close our ends of its streams."""
        for fd, _ in self.streams:
            os.close(fd)


def start(launch: Launch, sink: Sink, errors: Optional[Sink] = None) -> Running:
    """Start a process whose output goes to `sink`, and what it prints to stderr to `errors` where that is given.

    Raises StartFailed.
    """
    has_terminal = launch.pty and process_start.TERMINALS and errors is None and launch.stdin is None
    if not os.path.isdir(launch.cwd):
        raise StartFailed(f'process working directory "{launch.cwd}" doesn\'t exist', shown=_quoted_command(launch))
    try:
        if has_terminal:
            child, fd = process_start.start_in_terminal(launch.argv, launch.env, launch.cwd, launch.raw)
            return Running(child, [(fd, sink)], has_terminal)
        return _start_with_pipes(launch, sink, errors)
    except OSError as error:
        kind = "pty" if has_terminal else "process"
        text = f"error starting {kind}: fork/exec {launch.argv[0]}: {reason_of(error)}"
        raise StartFailed(text, error.errno or 0, _quoted_command(launch)) from None
    except ValueError as error:
        raise StartFailed(str(error), shown=_quoted_command(launch)) from None


def _quoted_command(launch: Launch) -> str:
    return go_quoted.go_quote(prompt.command_line(launch.argv))


def _start_with_pipes(launch: Launch, sink: Sink, errors: Optional[Sink]) -> Running:
    opened: List[int] = []
    sources: Set[int] = set()

    def pipe() -> Tuple[int, int]:
        ends = os.pipe()
        opened.extend(ends)
        return ends

    try:
        reading, writing = pipe()
        streams, error_writing = [(reading, sink)], writing
        if errors is not None:
            error_reading, error_writing = pipe()
            streams.append((error_reading, errors))
        stdin = _input(launch.stdin, pipe)
        opened.append(stdin)
        child = process_start.start_in_group(launch.argv, launch.env, launch.cwd, stdin, writing, error_writing)
        sources = {fd for fd, _ in streams}
    finally:
        for fd in {*opened} - sources:
            os.close(fd)
    return Running(child, streams)


def _input(data: Optional[bytes], pipe: Callable[[], Tuple[int, int]]) -> int:
    """Return a file descriptor that gives `data` and then ends."""
    if not data:
        return os.open(os.devnull, os.O_RDONLY)
    reading, writing = pipe()
    threading.Thread(target=_feed, args=(os.dup(writing), data), name="stdin", daemon=True).start()
    return reading


def _feed(writing: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(writing, data) :]
    except OSError:
        pass  # it does not want more; that is for it to know
    finally:
        os.close(writing)
