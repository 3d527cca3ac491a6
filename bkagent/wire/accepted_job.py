"""The answer to `PUT jobs/{id}/accept` and `/acquire`: a job to run."""

from typing import Any, Dict, Mapping

from bkagent.named_tuple import NamedTuple
from bkagent.wire.reader import Reader
from bkagent.wire.whole_seconds import whole_seconds

DEFAULT_LOG_MAX_BYTES = 1 << 30


class AcceptedJob(NamedTuple):
    """One job. `repr` has no secrets.

    token                   the job's own token; "" where the session's token serves
    env                     the job's variables
    step                    the command step as it was uploaded and signed
    matrix_permutation      the matrix values of this job
    chunks_max_size_bytes   largest log chunk, before compression
    chunks_interval_s       longest a log line waits to be sent
    log_max_size_bytes      the log's size from which the agent warns
    runnable_at             when it could have started, RFC 3339; "" when not said
    """

    id: str
    chunks_max_size_bytes: int
    token: str = ""
    env: Mapping[str, str] = {}
    step: Mapping[str, Any] = {}
    matrix_permutation: Mapping[str, str] = {}
    chunks_interval_s: float = 1.0
    log_max_size_bytes: int = DEFAULT_LOG_MAX_BYTES
    runnable_at: str = ""
    priority: int = 0
    traceparent: str = ""
    tracestate: str = ""

    def __repr__(self) -> str:
        return f"AcceptedJob({self.id!r})"

    def to_wire(self) -> Dict[str, Any]:
        """Return the answer's document."""
        document: Dict[str, Any] = {
            "id": self.id, "token": self.token, "env": dict(self.env), "step": dict(self.step),
            "chunks_max_size_bytes": self.chunks_max_size_bytes,
            "chunks_interval_seconds": whole_seconds(self.chunks_interval_s),
            "log_max_size_bytes": self.log_max_size_bytes, "priority": self.priority,
        }  # fmt: skip
        if self.matrix_permutation:
            document["matrix_permutation"] = dict(self.matrix_permutation)
        for name in ("runnable_at", "traceparent", "tracestate"):
            if getattr(self, name):
                document[name] = getattr(self, name)
        return document

    @classmethod
    def from_wire(cls, document: object) -> "AcceptedJob":
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "accepted job")
        return cls(
            id=reader.name("id"), chunks_max_size_bytes=reader.whole("chunks_max_size_bytes", low=1),
            token=reader.text("token", ""), env=reader.text_map("env"), step=reader.fields("step"),
            matrix_permutation=reader.text_map("matrix_permutation"),
            chunks_interval_s=reader.seconds("chunks_interval_seconds", default=1.0),
            log_max_size_bytes=reader.whole("log_max_size_bytes", 0, low=0) or DEFAULT_LOG_MAX_BYTES,
            runnable_at=reader.text("runnable_at", ""), priority=reader.whole("priority", 0),
            traceparent=reader.text("traceparent", ""), tracestate=reader.text("tracestate", ""),
        )  # fmt: skip
