"""The answer to `GET ping`: the next action of an agent."""

from typing import Any, Dict, Mapping, Optional

from bkagent.named_tuple import NamedTuple
from bkagent.wire.reader import Reader

IDLE, PAUSE, DISCONNECT = "idle", "pause", "disconnect"


class Ping(NamedTuple):
    """One answer.

    action           "idle", "pause" or "disconnect"; any other word counts as "idle"
    message          for the agent's log, "" for none
    job_id           a job to accept, "" for none
    endpoint         where to go from now on, "" to stay
    request_headers  headers to add to every request; None: keep the present ones
    """

    action: str = IDLE
    message: str = ""
    job_id: str = ""
    endpoint: str = ""
    request_headers: Optional[Mapping[str, str]] = None

    def to_wire(self) -> Dict[str, Any]:
        """Return the answer's document; at least `{"action": ...}`."""
        document: Dict[str, Any] = {"action": self.action}
        if self.message:
            document["message"] = self.message
        if self.job_id:
            document["job"] = {"id": self.job_id}
        if self.endpoint:
            document["endpoint"] = self.endpoint
        if self.request_headers is not None:
            document["request_headers"] = dict(self.request_headers)
        return document

    @classmethod
    def from_wire(cls, document: object) -> "Ping":
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "ping answer")
        job = reader.inner("job")
        action = reader.text("action", "")
        return cls(
            action=action if action in (PAUSE, DISCONNECT) else IDLE, message=reader.text("message", ""),
            job_id=job.text("id", "") if job else "", endpoint=reader.text("endpoint", ""),
            request_headers=reader.optional_text_map("request_headers"),
        )  # fmt: skip
