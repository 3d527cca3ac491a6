"""What the options of `start` mean for its jobs, once each is read: paths made whole, and what one of them implies."""

from bkagent.config import paths
from bkagent.config.grace_periods import signal_grace_s
from bkagent.config.options import accepted, agent, agent_signing, checkout, job_logs
from bkagent.config.settings import Settings
from bkagent.errors import ConfigError
from bkagent.system.system_kind import ON_WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

    from bkagent.config.option import Option

_PATHS = (
    agent.BUILD_PATH, agent.SOCKETS_PATH, agent.JOB_CONTEXT_PATH, agent.HOOKS_PATH, agent.PLUGINS_PATH,
    checkout.GIT_MIRRORS_PATH, agent_signing.SIGNING_JWKS_FILE, job_logs.TMPFILE_FOLDER, job_logs.FOLDER,
    agent.CONTAINER_BINARY,
)  # fmt: skip


def complete(given: Settings, environ: "Mapping[str, str]") -> Settings:
    """Return the options of `start` as they hold for jobs. Raises ConfigError for values that do not go together."""
    settings = Settings()
    for option in agent.START:
        settings.put(option, given[option], given.origin(option))
    for option in _PATHS:
        _put(settings, option, paths.expand(settings[option], environ))
    _put(settings, agent.BOOTSTRAP_SCRIPT, paths.expand_command(settings[agent.BOOTSTRAP_SCRIPT], environ))
    _put(settings, agent.SHELL, settings[agent.SHELL] or agent.default_shell(environ))
    _put(settings, agent.NO_PTY, settings[agent.NO_PTY] or ON_WINDOWS)
    graces = settings[agent.CANCEL_GRACE_PERIOD], settings[agent.SIGNAL_GRACE_PERIOD]
    _put(settings, agent.SIGNAL_GRACE_PERIOD, signal_grace_s(*graces))
    for option in (accepted.TRACE_CONTEXT_ENCODING, checkout.GIT_SPARSE_CHECKOUT_MODE, checkout.OVERRIDE_MODE):
        _put(settings, option, settings[option] or option.default)
    if settings[checkout.CHECKOUT_ATTEMPTS] <= 0:
        _put(settings, checkout.CHECKOUT_ATTEMPTS, checkout.CHECKOUT_ATTEMPTS.default)
    _put(settings, checkout.GIT_COMMIT_VERIFICATION, _verification(settings))
    if settings[agent.NO_COMMAND_EVAL]:
        _put(settings, checkout.OVERRIDE_MODE, "strict")
    # Either one also disables plugins unless --no-plugins is set explicitly.
    if (settings[agent.NO_COMMAND_EVAL] or settings[agent.NO_LOCAL_HOOKS]) and not settings.is_set(agent.NO_PLUGINS):
        _put(settings, agent.NO_PLUGINS, True)
    return settings


def _put(settings: Settings, option: "Option", value: object) -> None:
    settings.put(option, value, settings.origin(option))


def _verification(settings: Settings) -> str:
    """Return how the commit's place on the branch is verified. Raises ConfigError for words of version 3 with 4."""
    option = checkout.GIT_COMMIT_VERIFICATION
    mode = str(settings[option])
    if settings[agent.COMPAT] != "4" or mode not in ("", "warn"):
        return mode
    if not settings.is_set(option):
        return "strict"
    raise ConfigError(
        f'git-commit-verification is "{mode}" (from the {settings.origin(option)}), which --compat 4 does not have: '
        "set it to strict, off or fail-closed"
    )
