"""An agent's session: register, connect, ping, heartbeat, and leave."""

from __future__ import annotations

from bkagent.errors import AgentError
from bkagent.transport.retry import constant, retry
from bkagent.wire.registration import Registered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from bkagent.remote.client import Client
    from bkagent.report import Report
    from bkagent.transport.retry import Schedule
    from bkagent.wire.ping import Ping
    from bkagent.wire.registration import Registration

    Wait = Callable[[float], bool]

REGISTER = constant(30, 10.0)
CONNECT = constant(10, 5.0)
DISCONNECT = constant(4, 1.0)
HEARTBEAT = constant(10, 5.0)
STOP_LIMIT_S = 5.0


def register(
    client: Client, registration: Registration, *, wait: Wait, report: Report, schedule: Schedule = REGISTER
) -> Registered:
    """Start a session with the registration token. Each call creates a new one, even if its answer is lost."""

    def attempt(number: int) -> Registered:
        reply = client.call("POST", "register", document=registration.to_wire(), expects_json=True)
        return Registered.from_wire(reply.document)

    return retry(attempt, schedule, wait=wait, report=report)


def connect(client: Client, *, wait: Wait, report: Report, schedule: Schedule = CONNECT) -> None:
    """Report that the session takes jobs now. Retried after any error."""
    retry(lambda number: client.call("POST", "connect"), schedule, wait=wait, report=report, may_retry=_any_document)


def disconnect(client: Client, *, wait: Wait, report: Report, schedule: Schedule = DISCONNECT) -> None:
    """End the session. Retried after any error; the last one is raised."""
    retry(lambda number: client.call("POST", "disconnect"), schedule, wait=wait, report=report, may_retry=_any_document)


def ping(client: Client, *, timeout_s: float = 60.0) -> Ping:
    """Ask for the next action. Not retried: the next ping follows."""
    from bkagent.wire.ping import Ping  # not needed before an agent is registered

    return Ping.from_wire(client.call("GET", "ping", timeout_s=timeout_s, expects_json=True).document)


def heartbeat(client: Client, sent_at: str, *, wait: Wait, report: Report, schedule: Schedule = HEARTBEAT) -> None:
    """Report that the session is alive. `sent_at` is RFC 3339. Refused means that the session is over."""

    def attempt(number: int) -> None:
        client.call("POST", "heartbeat", document={"sent_at": sent_at}, expects_json=True)

    retry(attempt, schedule, wait=wait, report=report)


def report_stop(client: Client) -> None:
    """Report that the session takes no further job and ends after its current one. One try, within `STOP_LIMIT_S`."""
    client.call("POST", "stop", document={"force": False}, timeout_s=STOP_LIMIT_S)


def _any_document(error: Exception) -> bool:
    return isinstance(error, AgentError)
