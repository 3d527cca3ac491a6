"""A line at level debug for each request to a leader's socket. Loaded only where debug messages are shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable

from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError
from bkagent.wire.go_duration import format_precise

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport


def reporting(answer: Callable[[Request], Answer], report: EventReport) -> Callable[[Request], Answer]:
    """Return an `answer` that also reports method, path, duration and status of each request.

    The form is the reference's (internal/socket/middleware.go), with the status added. The query is left out: it has
    the key of a lock. A command that waits for a lock is reported once it is answered.
    """

    def report_and_answer(request: Request) -> Answer:
        began, status = time.monotonic(), 500
        try:
            given = answer(request)
            status = given.status
            return given
        except HttpError as problem:
            status = problem.status
            raise
        finally:
            path = request.head.target.partition("?")[0]
            took = format_precise(time.monotonic() - began)
            report("debug", f"Agent API:\t{request.method}\t{path}\t{took}\tstatus={status}", "agent_api.request")

    return report_and_answer
