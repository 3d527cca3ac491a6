"""The beginning of an agent: it registers as soon as it may. The rest of it is loaded meanwhile, or later.

Nothing that is loaded for this imports `dataclasses`, `json` or `inspect`: tests/agent/test_registering.py.
"""

from __future__ import annotations

import os

from bkagent.agent.session.registering import Registering
from bkagent.agent.session.registration import connect_to
from bkagent.config.options import session
from bkagent.errors import ConfigError
from bkagent.system import file_lock, private_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.agent.settings import AgentSettings
    from bkagent.agent.shutdown import Shutdown
    from bkagent.wire.log_events import EventReport


def begin(settings: AgentSettings, stop: Shutdown, report: EventReport) -> Registering:
    """Begin to register the workers of an agent, which `run` goes on with.

    Raises AgentError when the agent cannot be: its settings are wrong.
    """
    if settings[session.PING_MODE] == "stream-only":
        raise ConfigError("ping-mode stream-only is not supported yet; use auto or poll-only")
    _check_locks(settings.state_path)
    report("info", "Registering agent with Buildkite...", "agent.registering")
    return Registering(connect_to(settings, report), settings, stop, report)


def _check_locks(state_path: str) -> None:
    """Raise ConfigError where the locks that agents and jobs depend on do not work."""
    try:
        os.makedirs(state_path, mode=private_folder.INNER_MODE, exist_ok=True)
        file_lock.check_folder(state_path)
    except ConfigError as error:
        raise ConfigError(f"{error} with --state-path") from None
    except OSError as error:
        raise ConfigError(f"cannot write to the state folder {state_path}: {error.strerror}") from None
