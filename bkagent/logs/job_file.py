"""`job.json`: all that a job process needs to know from the agent. It comes by file, never by environment."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Dict, Mapping, Tuple

from bkagent.errors import WireError

_KINDS = {
    "float": "a number", "int": "a whole number", "str": "text", "bool": "true or false",
    "Tuple[str, ...]": "a list of texts",
}  # fmt: skip


@dataclass(frozen=True)
class JobFile:
    """One job as the agent hands it over. Tokens are kept out of `repr`."""

    job_id: str
    endpoint: str
    token: str = field(repr=False)  # the job's own
    agent_id: str = ""
    agent_name: str = ""
    agent_endpoint: str = ""  # where the session that took the job heartbeats
    agent_token: str = field(default="", repr=False)
    heartbeat_interval_s: float = 60.0
    lost_after_s: float = 180.0  # without a heartbeat for so long, the job may be handed out again
    job_status_interval_s: float = 1.0
    request_headers: Mapping[str, str] = field(default_factory=dict)
    chunk_max_bytes: int = 102_400
    chunk_interval_s: float = 1.0
    log_max_bytes: int = 0  # 0: no limit is known
    ansi_timestamps: bool = True
    timestamp_lines: bool = False  # has an effect only without ansi_timestamps
    pty: bool = True
    pty_raw: bool = False
    cancel_grace_s: float = 10.0
    signal_grace_s: float = 9.0
    cancel_signal: str = "SIGTERM"
    disconnect_after_job: bool = False
    leftovers: str = "report"  # or "end"
    bootstrap_script: str = ""  # "": our own phases
    started_at: str = ""  # RFC 3339
    sockets_path: str = ""
    allowed_repositories: Tuple[str, ...] = ()  # patterns; the repository is held against them before the checkout
    user_agent: str = ""
    debug: bool = False
    log_tmpfile: str = ""  # a copy of the log for as long as the job runs
    log_copy: str = ""  # a copy that stays
    log_fields: Mapping[str, str] = field(default_factory=dict)  # about the job, where its output is shown as JSON

    def to_text(self) -> str:
        """Return the JSON text of `job.json`."""
        return json.dumps(dataclasses.asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_text(cls, text: str) -> "JobFile":
        """Read `job.json`. Unknown keys pass, missing ones take their default. Raises WireError naming the field."""
        try:
            document = json.loads(text)
        except ValueError as problem:
            raise WireError(f"job.json is not JSON: {problem}") from None
        if not isinstance(document, dict):
            raise WireError("job.json must be a JSON object")
        found: Dict[str, object] = {}
        for one in dataclasses.fields(cls):
            if one.name in document:
                found[one.name] = _checked(one.name, str(one.type), document[one.name])
            elif one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING:
                raise WireError(f"job.json: {one.name} is missing")
        read = cls(**found)  # type: ignore[arg-type]
        if read.chunk_max_bytes < 1:
            raise WireError("job.json: chunk_max_bytes must be at least 1")
        return read


def _checked(name: str, kind: str, value: object) -> object:
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if (kind == "str" and isinstance(value, str)) or (kind == "bool" and isinstance(value, bool)):
        return value
    if kind.startswith("Mapping") and isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    if kind.startswith("Tuple") and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise WireError(f"job.json: {name} must be {_KINDS.get(kind, 'a map of texts')}")
