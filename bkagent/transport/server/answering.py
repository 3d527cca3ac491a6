"""How servers answer one request: by their handler, with an apology where that fails, and what comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional, Union

from bkagent.report import report_defect
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request_head import BadRequest, HttpError

if TYPE_CHECKING:
    from bkagent.report import Report
    from bkagent.transport.server.later import Later
    from bkagent.transport.server.request import Request
    from bkagent.transport.server.server_connection import ServerConnection


class Answering:
    """The handler of a server, how it words what is wrong, and where it reports its own defects."""

    def __init__(
        self,
        answer: Callable[[Request], Union[Answer, Later]],
        apology: Callable[[HttpError], Answer],
        report: Report,
        name: str,
    ) -> None:
        self.answer, self.apology, self._report, self._name = answer, apology, report, name

    def run(self, request: Request, make_answer: Callable[[], Union[Answer, Later]]) -> Union[Answer, Later]:
        """Return what `make_answer` does, or an apology. Raises BadRequest, and OSError for a client that has gone."""
        try:
            return make_answer()
        except BadRequest:
            raise
        except HttpError as problem:
            return self.apology(problem)
        except ConnectionError:
            raise  # of the client: it is gone and gets no answer
        except RecursionError:
            return self.apology(HttpError(400, "the request is nested too deeply"))
        except Exception as problem:  # the edge of one request: the client is told, the server goes on
            path = request.head.target.partition("?")[0]  # a query may hold a secret
            self._report("error", f"{request.method} {path} on {self._name} failed by an internal error")
            report_defect(problem)
            return self.apology(HttpError(500, f"internal error: {type(problem).__name__}"))

    def report_defect(self, problem: BaseException) -> None:
        """Report what has ended a connection: whatever is wrong must not end the server."""
        self._report("error", f"a connection to {self._name} failed by an internal error")
        report_defect(problem)

    def send(self, connection: ServerConnection, request: Request, answer: Answer, *, stopping: bool) -> bool:
        """Send an answer; return whether the connection stays open. Raises OSError."""
        connection.set_owner(request.owner)
        # Who has shown no token has one request a connection: many in a row would take the others' share of the server.
        goes_on = request.head.keep_alive and not stopping and bool(request.owner)
        if not goes_on and request.is_read:
            return connection.send(answer, keep_alive=False, with_body=request.method != "HEAD")
        if not goes_on or not request.is_skippable:
            return self.part(connection, answer, request)
        # The answer goes first: a client that owes us a body does not hold it up.
        return connection.send(answer, keep_alive=True, with_body=request.method != "HEAD") and request.skip()

    def part(self, connection: ServerConnection, answer: Answer, request: Optional[Request] = None) -> bool:
        """Answer and close: what comes next on this connection is not a request. Raises OSError."""
        connection.send(answer, keep_alive=False, with_body=request is None or request.method != "HEAD")
        connection.linger()
        return False
