"""Register an agent: the description of itself that it sends, and the sessions that come back."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import TYPE_CHECKING, List, Optional, Tuple

from bkagent.agent.session.session import AgentSession
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import GRACEFUL, Shutdown
from bkagent.config import experiments
from bkagent.config.options import agent, api, checkout, logging
from bkagent.config.options import session as session_options
from bkagent.remote.client import Client
from bkagent.remote.escaping import without_user
from bkagent.remote.worker import agents
from bkagent.system import host
from bkagent.version import BUILD, REFERENCE_VERSION
from bkagent.wire.log_events import EventReport, with_event
from bkagent.wire.registration import Registered, Registration

if TYPE_CHECKING:
    from bkagent.transport.client.request_log import RequestLog

_AT_ONCE_COUNT = 16  # registrations: fewer make many workers wait where each answer takes long


def connect_to(settings: AgentSettings, report: EventReport) -> Client:
    """Return the client that registers."""
    return Client(
        settings[api.ENDPOINT], settings.token, environ=settings.environ, user_agent=host.user_agent(),
        request_log=request_log_of(settings, report),
    )  # fmt: skip


def request_log_of(settings: AgentSettings, report: EventReport) -> Optional[RequestLog]:
    """Return what reports the agent's requests, None where that is not shown."""
    if not settings.is_verbose:
        return None
    from bkagent.transport.client.request_log import RequestLog

    return RequestLog(with_event(report, "control_plane.request"), settings[api.DEBUG_HTTP])


def register_all(client: Client, settings: AgentSettings, stop: Shutdown, report: EventReport) -> List[AgentSession]:
    """Register every worker, some at the same time; return their sessions in the order of their numbers.

    Raises the first error: an agent with fewer workers than asked for would go unnoticed. Cancelled after a stop.
    """
    first = registration(settings, 1)
    sessions: List[Optional[AgentSession]] = [None] * settings.spawn
    errors: List[Exception] = []
    waiting = deque(range(1, settings.spawn + 1))
    report_retry = with_event(report, "control_plane.retry")

    def register(index: int) -> None:
        own = first if index == 1 else _registration_of_worker(first, settings, index)
        try:
            registered = agents.register(client, own, wait=stop.waiter(GRACEFUL), report=report_retry)
            if registered.asks_for_tracing:
                text = "the control plane asks for tracing, which is not supported yet"
                report("warn", text, "session.tracing_unsupported")
            _report_settings(registered, report)
            sessions[index - 1] = AgentSession(client, registered, report)
        except Exception as error:  # the edge of a thread: raised below, on the one that waits for all of them
            errors.append(error)

    def register_next() -> None:
        while not errors:
            try:
                index = waiting.popleft()
            except IndexError:
                return
            register(index)

    others_count = min(settings.spawn, _AT_ONCE_COUNT) - 1
    threads = [threading.Thread(target=register_next, daemon=True) for _ in range(others_count)]
    for thread in threads:
        thread.start()
    register_next()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [session for session in sessions if session is not None]


def _report_settings(registered: Registered, report: EventReport) -> None:
    """Report what the control plane asks of this agent."""
    report("debug", f"Ping interval: {registered.ping_interval_s:g}s", "session.setting")
    report("debug", f"Job status interval: {registered.job_status_interval_s:g}s", "session.setting")
    report("debug", f"Heartbeat interval: {registered.heartbeat_interval_s:g}s", "session.setting")
    if registered.endpoint:
        report("debug", f"Endpoint: {without_user(registered.endpoint)}", "session.setting")
    for name in sorted(registered.request_headers or {}):
        # Without its value, which may be a credential.
        report("debug", f"Server-specified request header: {name}", "session.setting")


def registration(settings: AgentSettings, index: int) -> Registration:
    """Return the registration of worker number `index`, from 1."""
    return Registration(
        name=settings.worker_name(index), hostname=host.hostname(), os=host.describe_os(settings.environ),
        arch=host.goarch(), version=REFERENCE_VERSION, build=BUILD, pid=os.getpid(),
        script_eval_enabled=not settings.job[agent.NO_COMMAND_EVAL],
        ignore_in_dispatches=bool(settings[session_options.ACQUIRE_JOB]),
        priority=settings.worker_priority(index), meta_data=settings.tags, machine_id=host.machine_id(),
        features=() if settings[session_options.NO_FEATURE_REPORTING] else features(settings),
    )  # fmt: skip


def features(settings: AgentSettings) -> Tuple[str, ...]:
    """Return the words for what is in use and works here; the control plane shows them beside the agent."""
    job = settings.job
    in_use = (
        ("git-mirrors", job[checkout.GIT_MIRRORS_PATH]), ("acquire-job", settings[session_options.ACQUIRE_JOB]),
        ("disconnect-after-job", settings[session_options.DISCONNECT_AFTER_JOB]),
        ("disconnect-after-idle", settings[session_options.DISCONNECT_AFTER_IDLE]),
        ("disconnect-after-uptime", settings[session_options.DISCONNECT_AFTER_UPTIME]),
        ("no-plugins", job[agent.NO_PLUGINS]), ("no-script-eval", job[agent.NO_COMMAND_EVAL]),
        ("no-http2", settings[api.NO_HTTP2]),
        ("allowed-repositories", job[agent.ALLOWED_REPOSITORIES]), ("allowed-plugins", job[agent.ALLOWED_PLUGINS]),
    )  # fmt: skip
    named = tuple(name for name, used in in_use if used)
    working = experiments.working(tuple(job[logging.EXPERIMENT]), job[agent.COMPAT])
    return named + tuple("experiment-" + name for name in working)


def host_tags() -> Tuple[str, ...]:
    """Return the tags that `--tags-from-host` adds."""
    tags = {"hostname": host.hostname(), "os": host.goos(), "arch": host.goarch(), "machine-id": host.machine_id()}
    return tuple(f"{name}={value}" for name, value in tags.items() if value)


def _registration_of_worker(first: Registration, settings: AgentSettings, index: int) -> Registration:
    return first._replace(name=settings.worker_name(index), priority=settings.worker_priority(index))
