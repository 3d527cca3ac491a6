"""Messages of an agent's registration: `POST register`."""

from __future__ import annotations

from bkagent.named_tuple import NamedTuple
from bkagent.wire.reader import Reader
from bkagent.wire.whole_seconds import whole_seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Tuple


class Registration(NamedTuple):
    """An agent's description of itself.

    arch        Go's name of the processor: amd64, arm64, ...
    priority    numeric text, "" to leave it to the control plane
    meta_data   the agent's tags, each "key=value"
    features    words for what it can do; the control plane shows them
    """

    name: str
    hostname: str
    os: str
    arch: str
    version: str
    build: str
    pid: int
    script_eval_enabled: bool = True
    ignore_in_dispatches: bool = False
    priority: str = ""
    meta_data: Tuple[str, ...] = ()
    machine_id: str = ""
    features: Tuple[str, ...] = ()

    def to_wire(self) -> Dict[str, Any]:
        """Return the request's document."""
        document: Dict[str, Any] = {
            "name": self.name, "hostname": self.hostname, "os": self.os, "arch": self.arch,
            "script_eval_enabled": self.script_eval_enabled, "ignore_in_dispatches": self.ignore_in_dispatches,
            "version": self.version, "build": self.build, "meta_data": list(self.meta_data),
            "features": list(self.features),
        }  # fmt: skip
        for name, value in (("priority", self.priority), ("pid", self.pid), ("machine_id", self.machine_id)):
            if value:
                document[name] = value
        return document

    @classmethod
    def from_wire(cls, document: object) -> "Registration":
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "registration")
        return cls(
            name=reader.text("name", ""), hostname=reader.text("hostname", ""), os=reader.text("os", ""),
            arch=reader.text("arch", ""), version=reader.text("version", ""), build=reader.text("build", ""),
            pid=reader.whole("pid", 0), script_eval_enabled=reader.flag("script_eval_enabled"),
            ignore_in_dispatches=reader.flag("ignore_in_dispatches"), priority=reader.text("priority", ""),
            meta_data=reader.texts("meta_data"), machine_id=reader.text("machine_id", ""),
            features=reader.texts("features"),
        )  # fmt: skip


# Source: pipelines of the reference service: an agent is lost after three minutes without a heartbeat.
LOST_AFTER_S = 180.0


class Registered(NamedTuple):
    """The answer: an agent session.

    access_token     the session's token
    endpoint         where to send everything from now on, "" to stay
    request_headers  headers to add to every request; None: keep the present ones
    lost_after_s     how long an agent is not heard before it is given up and its job may be handed out again; only our
                     own control plane says it, the reference's service keeps to the default
    """

    id: str
    name: str
    access_token: str
    ping_interval_s: float
    job_status_interval_s: float
    heartbeat_interval_s: float
    endpoint: str = ""
    request_headers: Optional[Mapping[str, str]] = None
    meta_data: Tuple[str, ...] = ()
    asks_for_tracing: bool = False
    lost_after_s: float = LOST_AFTER_S

    def __repr__(self) -> str:
        return f"Registered({self.id!r})"  # without the token

    def to_wire(self) -> Dict[str, Any]:
        """Return the answer's document."""
        document: Dict[str, Any] = {
            "id": self.id, "name": self.name, "access_token": self.access_token,
            "ping_interval": whole_seconds(self.ping_interval_s),
            "job_status_interval": whole_seconds(self.job_status_interval_s),
            "heartbeat_interval": whole_seconds(self.heartbeat_interval_s), "meta_data": list(self.meta_data),
        }  # fmt: skip
        if self.endpoint:
            document["endpoint"] = self.endpoint
        if self.lost_after_s != LOST_AFTER_S:
            document["lost_after"] = self.lost_after_s
        if self.request_headers is not None:
            document["request_headers"] = dict(self.request_headers)
        return document

    @classmethod
    def from_wire(cls, document: object) -> "Registered":
        """Check and convert decoded JSON. Raises WireError naming the field; unknown fields pass."""
        reader = Reader(document, "registration answer")
        return cls(
            id=reader.text("id"), name=reader.text("name", ""), access_token=reader.text("access_token"),
            ping_interval_s=reader.seconds("ping_interval"),
            job_status_interval_s=reader.seconds("job_status_interval", default=1.0),
            heartbeat_interval_s=reader.seconds("heartbeat_interval"),
            endpoint=reader.text("endpoint", ""), request_headers=reader.optional_text_map("request_headers"),
            meta_data=reader.texts("meta_data"), asks_for_tracing=bool(reader.fields("tracing")),
            lost_after_s=reader.seconds("lost_after", default=LOST_AFTER_S),
        )  # fmt: skip
