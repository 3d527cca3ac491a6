"""A list of agents that is kept up to date until the user ends it: in place on a terminal, elsewhere as lines."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from bkagent.cli.pages import agents_view, layout
from bkagent.cli.pages.screen import TakenScreen
from bkagent.config.options import rest
from bkagent.errors import Unavailable, Unreachable
from bkagent.system import console
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from typing import TextIO

    from bkagent.cli.command import Call
    from bkagent.cli.pages.table_layout import Row

PAUSE_S = 2.0
_LONGEST_PAUSE_S = 30.0  # between two tries of a server that does not answer
_LOOK_S = 0.2  # a terminal that changes its size is noticed within this
_NOTE_LINES = 3
Forms = Sequence[Dict[str, Any]]


def watch(call: "Call", filters: Mapping[str, str]) -> int:
    """Show agents until interrupted. Raises as `agents_view.agents`, for a server that does not answer at first."""
    out = call.out
    if call.settings[rest.AS_JSON]:
        _follow(call, filters, _JsonLines(call))
    elif out.isatty() and call.environ.get("TERM") != "dumb" and console.takes_escapes(out.fileno()):
        view = _InPlace(out)
        try:
            _follow(call, filters, view)
        finally:
            view.close()
    else:
        _follow(call, filters, _Changes(call))
    return 0


def _follow(call: "Call", filters: Mapping[str, str], view: "_View") -> None:
    """Ask again and again, no more often than the server's rate limits let it, and also when it does not answer."""
    failures_count, has_answered = 0, False
    while True:
        try:
            with agents_view.agents(call, view.report) as agents:
                while True:
                    view.show(agents.list(filters))
                    failures_count, has_answered = 0, True
                    view.wait(max(PAUSE_S, agents.pace_s()))
        except Unreachable as problem:
            if not has_answered or not problem.may_retry:
                raise
            pause_s = min(PAUSE_S * 2**failures_count, _LONGEST_PAUSE_S)
            if isinstance(problem, Unavailable) and problem.retry_after_s:
                pause_s = max(pause_s, problem.retry_after_s)
            failures_count += 1
            view.report("warn", str(problem))
            view.wait(pause_s)


def _note_of(agents_count: int) -> str:
    agents = "1 agent" if agents_count == 1 else f"{agents_count} agents"
    return f"{agents} at {time.strftime('%H:%M:%S')}. Ctrl-C ends this."


class _View:
    """What shows the agents, and what is wrong meanwhile."""

    def show(self, forms: Forms) -> None:
        """Show these agents."""
        raise NotImplementedError

    def report(self, level: str, text: str) -> None:
        """Show why there is no answer of the server."""
        raise NotImplementedError

    def wait(self, pause_s: float) -> None:
        """Wait before the next question."""
        time.sleep(pause_s)


class _LineView(_View):
    """Writes lines; problems are warnings, one for each time that the server stops to answer."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._has_problem = False

    def report(self, level: str, text: str) -> None:
        if not self._has_problem:
            self._call.report(level, f"{text}; trying until there is an answer")
        self._has_problem = True

    def write(self, lines: Sequence[str]) -> None:
        """Write lines at once: another program may read them."""
        if self._has_problem:
            self._call.report("info", "the server answers again")
        self._has_problem = False
        self._call.out.write("".join(line + "\n" for line in lines))
        self._call.out.flush()


class _JsonLines(_LineView):
    """Writes the whole list as a line of JSON whenever it has changed."""

    def __init__(self, call: "Call") -> None:
        super().__init__(call)
        self._shown: Optional[Forms] = None

    def show(self, forms: Forms) -> None:
        self.write([json.dumps(forms)] if forms != self._shown else [])
        self._shown = forms


class _Changes(_LineView):
    """Writes the table once, and then a row for each agent that came, changed or went."""

    def __init__(self, call: "Call") -> None:
        super().__init__(call)
        self._shown: "Dict[str, Row]" = {}
        self._widest: "List[Row]" = []

    def show(self, forms: Forms) -> None:
        heads, *rows = agents_view.rows(forms)
        now = {row[-1]: row for row in rows}
        changed = [row for id, row in now.items() if self._shown.get(id) != row]
        changed += [agents_view.gone(row) for id, row in self._shown.items() if id not in now]
        first = not self._widest
        lines = agents_view.table([heads, *self._widest, *changed])
        self.write(lines if first else lines[1 + len(self._widest) :])
        self._widest = self._widest or rows or [heads]
        self._shown = now


class _InPlace(_View):
    """Repaints a screen of its own; at the end, the table stays on the terminal."""

    def __init__(self, out: "TextIO") -> None:
        self._out, self._screen = out, TakenScreen(out)
        self._forms: Optional[Forms] = None
        self._note = ""

    def show(self, forms: Forms) -> None:
        if self._forms is None:
            self._screen.take()
        self._forms, self._note = forms, _note_of(len(forms))
        self._paint()

    def report(self, level: str, text: str) -> None:
        self._note = f"{time.strftime('%H:%M:%S')}: {one_line(text)}"
        if self._forms is not None:
            self._paint()

    def wait(self, pause_s: float) -> None:
        end, size = time.monotonic() + pause_s, self._screen.size()
        while time.monotonic() < end:
            time.sleep(min(_LOOK_S, max(0.0, end - time.monotonic())))
            if self._screen.size() != size:
                size = self._screen.size()
                self._paint()

    def close(self) -> None:
        """Give the terminal back, with the last table as it would have been listed."""
        if self._forms is not None:
            self._screen.give_back()
            self._out.write("".join(line + "\n" for line in agents_view.table(agents_view.rows(self._forms))))
            self._out.flush()

    def _paint(self) -> None:
        columns, lines_count = self._screen.size()
        note = layout.wrap(self._note, columns)[:_NOTE_LINES]
        lines = agents_view.table(agents_view.rows(self._forms or ()), columns)
        room = max(1, lines_count - 1 - len(note))
        hidden_count = len(lines) - room
        if hidden_count > 0:
            lines = [*lines[: room - 1], f"and {hidden_count + 1} more"]
        self._screen.show([*lines, "", *note])
