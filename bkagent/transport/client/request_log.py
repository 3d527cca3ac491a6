"""Log lines of `--debug` and `--debug-http` for each request and its answer. Loaded only for them.

Nothing that may be secret is in it: no body, and of the headers only the values that are known to be harmless.
"""

import time

from bkagent.wire import go_duration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Mapping, Tuple

    from bkagent.report import Report

HIDDEN = "[REDACTED]"
_HARMLESS = frozenset(
    (
        "accept", "accept-encoding", "buildkite-timeout-milliseconds", "connection", "content-encoding",
        "content-length", "content-range", "content-type", "date", "host", "retry-after", "server",
        "transfer-encoding", "user-agent", "x-request-id",
    )
)  # fmt: skip


class RequestLog:
    """Reports requests at level debug; `with_heads` their headers too. Thread-safe as its `report` is."""

    __slots__ = ("_report", "_with_heads")

    def __init__(self, report: "Report", with_heads: bool = False) -> None:
        self._report, self._with_heads = report, with_heads

    def begin(self, what: str, headers: "Mapping[str, str]") -> "LoggedRequest":
        """Report a request that is about to be sent. `what` is "METHOD URL", shown as it is."""
        self._report("debug", what)
        self.show_head("request", headers.items())
        return LoggedRequest(self, what)

    def show_head(self, whose: str, headers: "Iterable[Tuple[str, str]]") -> None:
        """Report headers, if enabled."""
        if self._with_heads:
            lines = [f"{name}: {_shown_value(name, value)}" for name, value in headers]
            self._report("debug", "\n".join([f"headers of the {whose}:", *lines]))

    def end(self, what: str, began: float, outcome: str) -> None:
        """Report how a request ended."""
        self._report("debug", f"↳ {what} {outcome} Δ={go_duration.format_precise(time.monotonic() - began)}")


class LoggedRequest:
    """One request that is under way."""

    __slots__ = ("_log", "_what", "_began")

    def __init__(self, log: RequestLog, what: str) -> None:
        self._log, self._what, self._began = log, what, time.monotonic()

    def answered(self, status: int, headers: "Iterable[Tuple[str, str]]", via: str = "") -> None:
        """Report the answer; `via` names what passed the request on."""
        self._log.end(self._what, self._began, f"{'via=' + via + ' ' if via else ''}status={status}")
        self._log.show_head("answer", headers)

    def failed(self, problem: str) -> None:
        """Report why there was no answer."""
        self._log.end(self._what, self._began, f'error="{problem}"')


def _shown_value(name: str, value: str) -> str:
    return value if name.lower() in _HARMLESS else HIDDEN
