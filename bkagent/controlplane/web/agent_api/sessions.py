"""Sessions of agents: register, connect, ping, heartbeat, disconnect; stop, pause and resume from inside a job."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Union

from bkagent.controlplane.records import Caller
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.wire.ping import Ping
from bkagent.wire.registration import Registration
from bkagent.wire.timestamps import text_of

if TYPE_CHECKING:
    from bkagent.controlplane.plane.dispatching.dispatch import Dispatch
    from bkagent.controlplane.plane.dispatching.held_ping import HeldPing

USER_AGENT_CHARACTERS = 500
REGISTRATION_BYTES = 256 * 1024  # the longest part is what /etc says of the system, a few thousand
HEARTBEAT_BYTES = 16 * 1024  # one moment; it is read by the thread that waits for all connections


def register(site: Site, request: Request, caller: Caller) -> Answer:
    """Make a session."""
    registration = Registration.from_wire(request.json(REGISTRATION_BYTES))
    user_agent = request.headers.get("user-agent", "")[:USER_AGENT_CHARACTERS]
    creator = access.registration_token(site, request).owner.to_wire()
    registered = site.plane.sessions.register(
        registration, user_agent=user_agent, ip_address=request.peer, creator=creator
    )
    return json_answer(200, registered.to_wire())


def connect(site: Site, request: Request, caller: Caller) -> Answer:
    """Note that an agent is ready."""
    agent = site.plane.sessions.connect(caller.agent_id)
    return json_answer(200, {"id": agent.id, "connection_state": agent.state})


def disconnect(site: Site, request: Request, caller: Caller) -> Answer:
    """Note that an agent leaves."""
    agent = site.plane.sessions.disconnect(caller.agent_id)
    return json_answer(200, {"id": agent.id, "connection_state": agent.state})


def ping(site: Site, request: Request, caller: Caller) -> Union[Answer, Later]:
    """Answer what an agent shall do; hold the ping for a while if there is nothing yet."""
    dispatch = site.plane.dispatch
    held = dispatch.begin_ping(caller.agent_id, site.hold_ping_s)
    if held.answer is None and not site.hold_ping_s:
        dispatch.expire(held)  # which gives no answer yet while a job is held back for a moment
    return PingAnswer(dispatch, held) if held.answer is None else json_answer(200, held.answer.to_wire())


class PingAnswer(Later):
    """The answer to a ping that is held. An agent that goes loses its offer at once."""

    def __init__(self, dispatch: Dispatch, ping: HeldPing) -> None:
        self._dispatch, self._ping = dispatch, ping
        self.deadline_s = ping.deadline_s

    def on_known(self, tell: Callable[[], None]) -> None:
        """See Later."""
        self._ping.on_known(tell)

    def expire(self) -> None:
        """See Later."""
        self._dispatch.expire(self._ping)

    def take(self) -> Answer:
        """See Later."""
        return json_answer(200, (self._ping.answer or Ping()).to_wire())

    def give_up(self) -> None:
        """See Later."""
        self._dispatch.give_up(self._ping)


def heartbeat(site: Site, request: Request, caller: Caller) -> Answer:
    """Note a sign of life."""
    document = request.json(HEARTBEAT_BYTES)
    sent_at = document.get("sent_at") if isinstance(document, dict) else None
    received_at = site.plane.sessions.heartbeat(caller.agent_id)
    sent_at = sent_at if isinstance(sent_at, str) else ""
    return json_answer(200, {"sent_at": sent_at, "received_at": text_of(received_at)})


def stop(site: Site, request: Request, caller: Caller) -> Answer:
    """Ask the agent that runs the calling job to leave."""
    force = access.fields(request, "agent stop").flag("force")
    site.plane.sessions.stop(caller.agent_id, force=force, again=True)
    return Answer(204)


def pause(site: Site, request: Request, caller: Caller) -> Answer:
    """Give the agent that runs the calling job no further work for a while."""
    reader = access.fields(request, "agent pause")
    minutes = reader.whole("timeout_in_minutes", 0, low=0)
    site.plane.sessions.pause(caller.agent_id, note=reader.text("note", ""), timeout_minutes=minutes or None)
    return Answer(204)


def resume(site: Site, request: Request, caller: Caller) -> Answer:
    """Give the agent that runs the calling job work again."""
    site.plane.sessions.resume(caller.agent_id)
    return Answer(204)


def root(site: Site, request: Request, caller: Caller) -> Answer:
    """Say that this is the Agent API."""
    return json_answer(200, {"message": "\U0001f44b", "timestamp": int(time.time())})


def token_identity(site: Site, request: Request, caller: Caller) -> Answer:
    """Return the organization of the agent registration token."""
    token = access.registration_token(site, request)
    document = {
        "uuid": token.id, "description": token.name, "token_type": "agent",
        "organization_slug": site.plane.organization, "organization_uuid": site.plane.organization,
        "cluster_uuid": "", "cluster_name": "", "organization_queue_uuid": "", "organization_queue_key": "",
    }  # fmt: skip
    return json_answer(200, document)
