"""The body of `PUT jobs/{id}/finish`: how a job ended."""

from typing import Any, Dict

from bkagent.named_tuple import NamedTuple
from bkagent.wire.reader import Reader

# The words of `signal_reason`: why a job ended otherwise than by itself.
CANCEL, AGENT_STOP, RUN_ERROR = "cancel", "agent_stop", "process_run_error"
REFUSED, SIGNATURE_REJECTED = "agent_refused", "signature_rejected"


class Finish(NamedTuple):
    """How a job ended.

    exit_status    decimal text; "-1" for one that a signal ended or that could not be run
    signal         the name of that signal, "" for none
    signal_reason  one of the words above, or ""
    finished_at    when its process ended, RFC 3339
    chunks_failed_count          log chunks that were dropped
    ignore_agent_in_dispatches   the agent takes no further job
    """

    exit_status: str
    signal: str = ""
    signal_reason: str = ""
    finished_at: str = ""
    chunks_failed_count: int = 0
    ignore_agent_in_dispatches: bool = False

    def to_wire(self) -> Dict[str, Any]:
        """Return the request's document."""
        document: Dict[str, Any] = {}
        for name in ("exit_status", "signal", "signal_reason", "finished_at"):
            if getattr(self, name):
                document[name] = getattr(self, name)
        document["chunks_failed_count"] = self.chunks_failed_count
        if self.ignore_agent_in_dispatches:
            document["ignore_agent_in_dispatches"] = True
        return document

    @classmethod
    def from_wire(cls, document: object) -> "Finish":
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "job finish")
        return cls(
            exit_status=reader.text("exit_status", ""), signal=reader.text("signal", ""),
            signal_reason=reader.text("signal_reason", ""), finished_at=reader.text("finished_at", ""),
            chunks_failed_count=reader.whole("chunks_failed_count", 0, low=0),
            ignore_agent_in_dispatches=reader.flag("ignore_agent_in_dispatches"),
        )  # fmt: skip
