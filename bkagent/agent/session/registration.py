"""What an agent sends when it registers: the description of itself. `registering` sends it."""

from __future__ import annotations

import os

from bkagent.config import experiments
from bkagent.config.options import agent, api, checkout, logging
from bkagent.config.options import session as session_options
from bkagent.remote.client import Client
from bkagent.system import host
from bkagent.version import BUILD, REFERENCE_VERSION
from bkagent.wire.log_events import with_event
from bkagent.wire.registration import Registration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Tuple

    from bkagent.agent.settings import AgentSettings
    from bkagent.transport.client.request_log import RequestLog
    from bkagent.wire.log_events import EventReport


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
