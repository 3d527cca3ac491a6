"""The jobs' output as it comes: whose line it is stands before it while jobs overlap."""

from __future__ import annotations

from typing import Callable, Dict

from bkagent.localrun.display_names import display_name
from bkagent.localrun.terminal_text import Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.controlplane.records import Event, Job

_STARTED = ("running",)
_BOLD, _DIM, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Live:
    """Prints events through `out(line)`. `job(id)` looks a job up."""

    def __init__(self, out: "Callable[[str], None]", job: "Callable[[str], Job]", *, coloured: bool) -> None:
        self._out, self._job, self._coloured = out, job, coloured
        self._lines: "Dict[str, Lines]" = {}
        self._names: "Dict[str, str]" = {}
        self._running: "Dict[str, None]" = {}

    def show(self, event: "Event") -> None:
        """Print what one event brings."""
        if event.kind == "log":
            self._print(event.job_id, self._lines_of(event.job_id).feed(event.data))
        elif event.kind == "job" and event.job_id:
            self._job_changed(event.job_id)

    def _job_changed(self, job_id: str) -> None:
        """Print the heading of a job that has started, or the rest of its log and how it has ended."""
        job = self._job(job_id)
        if job.type != "script":
            return
        if job.state in _STARTED and job_id not in self._running:
            self._running[job_id] = None
            self._heading(f"--- {self._name(job_id)}")
        elif job.final and job_id in self._running:
            self._print(job_id, self._lines_of(job_id).rest())
            self._running.pop(job_id)
            self._heading(f"--- {self._name(job_id)}: {job.shown_state}" + _exit_note(job))

    def _print(self, job_id: str, lines: "list[str]") -> None:
        """Print lines of a log, after the name of their job if another one is running."""
        before = ""
        if len(self._running) > 1 or (self._running and job_id not in self._running):
            before = f"{self._name(job_id)} | "
            if self._coloured:
                before = _DIM + before + _RESET
        for line in lines:
            self._out(before + line)

    def _heading(self, text: str) -> None:
        self._out(_BOLD + text + _RESET if self._coloured else text)

    def _lines_of(self, job_id: str) -> Lines:
        """Return what cuts the log of a job into lines."""
        if job_id not in self._lines:
            self._lines[job_id] = Lines(coloured=self._coloured)
        return self._lines[job_id]

    def _name(self, job_id: str) -> str:
        if job_id not in self._names:
            self._names[job_id] = display_name(self._job(job_id))
        return self._names[job_id]


def _exit_note(job: "Job") -> str:
    """Return the exit status as the end of a heading, "" for a job without one or with 0."""
    if job.exit_status in (None, 0):
        return ""
    return f" (exit status {job.exit_status}{', soft' if job.soft_failed else ''})"
