"""A line at level debug for each request to a leader's socket. Loaded only where debug messages are shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Union

from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.go_duration import format_precise

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport


def reporting(
    answer: Callable[[Request], Union[Answer, Later]], report: EventReport
) -> Callable[[Request], Union[Answer, Later]]:
    """Return an `answer` that also reports method, path, duration and status of each request.

    The form is the reference's (internal/socket/middleware.go), with the status added. The query is left out: it has
    the key of a lock. A command that waits for a lock is reported once it is answered.
    """

    def report_and_answer(request: Request) -> Union[Answer, Later]:
        line = _RequestLine(request, report)
        given = line.of(lambda: answer(request))
        return _ReportedLater(given, line) if isinstance(given, Later) else given

    return report_and_answer


class _RequestLine:
    """The line about one request, from its coming on."""

    def __init__(self, request: Request, report: EventReport) -> None:
        self._what = f"{request.method}\t{request.head.target.partition('?')[0]}"
        self._report, self._began = report, time.monotonic()

    def of(self, make_answer: Callable[[], Union[Answer, Later]]) -> Union[Answer, Later]:
        """Report the answer that is made, unless it comes later, and return it."""
        try:
            given = make_answer()
        except HttpError as problem:
            self.write(str(problem.status))
            raise
        except Exception:
            self.write("500")
            raise
        if isinstance(given, Answer):
            self.write(str(given.status))
        return given

    def write(self, status: str) -> None:
        """Report how the request ended."""
        took = format_precise(time.monotonic() - self._began)
        self._report("debug", f"Agent API:\t{self._what}\t{took}\tstatus={status}", "agent_api.request")


class _ReportedLater(Later):
    def __init__(self, later: Later, line: _RequestLine) -> None:
        self._later, self._line, self.deadline_s = later, line, later.deadline_s

    def on_known(self, tell: Callable[[], None]) -> None:
        self._later.on_known(tell)

    def take(self) -> Answer:
        given = self._line.of(self._later.take)
        assert isinstance(given, Answer)
        return given

    def give_up(self) -> None:
        self._line.write("none, as the client has gone")
        self._later.give_up()
