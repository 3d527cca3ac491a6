"""One agent session: who we are to the control plane, and the client that speaks for it.

The control plane may move a session to another endpoint, and name headers for every request, at
registration and at each ping. A move changes where pings, heartbeats and jobs go; connect, disconnect and
acquire stay with the endpoint of the registration.
"""

from __future__ import annotations

from bkagent.errors import AgentError, ConfigError
from bkagent.remote.worker import agents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional

    from bkagent.remote.client import Client
    from bkagent.wire.log_events import EventReport
    from bkagent.wire.ping import Ping
    from bkagent.wire.registration import Registered


class AgentSession:
    """The session that `registered` describes. `home` and `client` are where its calls go (see above)."""

    def __init__(self, registering: Client, registered: Registered, report: EventReport) -> None:
        self.id, self.name = registered.id, registered.name
        self.ping_interval_s = registered.ping_interval_s
        self.heartbeat_interval_s = registered.heartbeat_interval_s
        self.job_status_interval_s = registered.job_status_interval_s
        self.lost_after_s = registered.lost_after_s
        self._report = report
        client = registering.with_token(registered.access_token)
        self._refused_endpoint = ""
        self.home = self.client = client
        if registered.endpoint:
            self.home = self.client = self._client_for(registered.endpoint) or client
        self._apply(registered.request_headers)

    @property
    def token(self) -> str:
        """The session's token."""
        return self.home.token

    def ping(self) -> Ping:
        """Ask what to do, and follow to another endpoint where the answer says so. Raises what `agents.ping` does."""
        first = agents.ping(self.client)
        self._apply(first.request_headers)
        if not first.endpoint or first.endpoint.rstrip("/") == self.client.endpoint:
            return first
        moved = self._client_for(first.endpoint)
        if moved is None:
            return first
        try:
            second = agents.ping(moved)
        except AgentError as problem:
            text = f"staying at {self.client.endpoint}: {first.endpoint} does not answer: {problem}"
            self._report("warn", text, "session.endpoint_failed")
            return first
        self._report("info", f"the control plane moved this agent to {moved.endpoint}", "session.moved")
        self.client = moved
        self._apply(second.request_headers)
        from bkagent.wire.ping import Ping

        return Ping(action=first.action, message=first.message, job_id=second.job_id)

    def _client_for(self, endpoint: str) -> Optional[Client]:
        """Return a client of an endpoint that the control plane names; None, and a warning, for one not to go to."""
        try:
            moved = self.client.with_endpoint(endpoint)
            if self.client.endpoint.startswith("https:") and not moved.endpoint.lower().startswith("https:"):
                raise ConfigError("the endpoint has no TLS, and the token would be sent in the clear")
            return moved
        except (AgentError, ValueError) as problem:
            if endpoint != self._refused_endpoint:  # it may be named at every ping
                where = self.client.endpoint
                text = f"staying at {where}: the control plane named an endpoint that cannot be used: {problem}"
                self._report("warn", text, "session.endpoint_refused")
            self._refused_endpoint = endpoint
            return None

    def _apply(self, headers: Optional[Mapping[str, str]]) -> None:
        """Take over headers: None leaves them as they are, {} takes them all away."""
        if headers is not None:
            self.client.request_headers = headers
            self.home.request_headers = headers
