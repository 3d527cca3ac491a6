"""The settings of one job, as at the start of its process. Those that hooks can change are in `refreshed`."""

import os
from typing import FrozenSet, Mapping, Tuple

from bkagent.config import paths
from bkagent.config.compat import COMPAT, Compat
from bkagent.config.grace_periods import signal_grace_s
from bkagent.config.option import Option
from bkagent.config.options import agent, bootstrap, job, logging
from bkagent.config.settings import Settings
from bkagent.config.variables.protected_variables import CHECKOUT_OVERRIDE_MODE, OVERRIDE_SELF, Protection
from bkagent.errors import ConfigError
from bkagent.named_tuple import NamedTuple
from bkagent.system import windows_names
from bkagent.system.system_kind import ON_WINDOWS


class JobProcessSettings(NamedTuple):
    """hooks_paths are the agent's folders in order; `signal_grace_s` is less than `cancel_grace_s`, both seconds.

    `override_self` is a program of the job's PATH that is called for what the job process else does itself as
    `env dump`, `meta-data` or `artifact upload`; "" for none. `container_binary` is the program that plugins mount.
    """

    job_id: str
    command: str
    agent_name: str
    organization: str
    pipeline: str
    plugins: str
    secrets: str
    build_path: str
    hooks_paths: Tuple[str, ...]
    plugins_path: str
    sockets_path: str
    shell: str
    command_eval: bool
    plugins_enabled: bool
    plugins_validated: bool
    strict_single_hooks: bool
    local_hooks_enabled: bool
    pty: bool
    phases: FrozenSet[str]
    job_api: bool
    redacted_vars: Tuple[str, ...]
    disabled_warnings: Tuple[str, ...]
    experiments: FrozenSet[str]
    cancel_signal: str
    cancel_grace_s: float
    signal_grace_s: float
    debug: bool
    override_self: str
    container_binary: str
    protection: Protection
    compat: Compat


# Of the job in which the reference's own tests put a program of theirs in its place.
_TEST_JOB_ID = "1111-1111-1111-1111"


def from_settings(settings: Settings, environ: Mapping[str, str]) -> JobProcessSettings:
    """Return the settings of the rows in `config.options.bootstrap.JOB`. Raises ConfigError."""

    def path(text: str) -> str:
        return paths.expand(text, environ)

    hooks = [settings[agent.HOOKS_PATH], *settings[agent.ADDITIONAL_HOOKS_PATHS]]
    # The agent leaves out what came with the job, so this comes from the agent's or this process's own environment.
    override_self = environ.get(OVERRIDE_SELF, "") if settings[job.JOB] == _TEST_JOB_ID else ""
    cancel_grace_s = settings[agent.CANCEL_GRACE_PERIOD]
    return JobProcessSettings(
        job_id=settings[job.JOB],
        command=settings[bootstrap.COMMAND],
        agent_name=settings[bootstrap.AGENT],
        organization=settings[bootstrap.ORGANIZATION],
        pipeline=settings[bootstrap.PIPELINE],
        plugins=settings[bootstrap.PLUGINS],
        secrets=settings[bootstrap.SECRETS],
        build_path=path(settings[bootstrap.BUILD_PATH]),
        hooks_paths=tuple(path(folder) for folder in hooks if folder),
        plugins_path=path(settings[agent.PLUGINS_PATH]),
        sockets_path=path(settings[agent.SOCKETS_PATH]),
        shell=settings[agent.SHELL],
        command_eval=settings[bootstrap.COMMAND_EVAL],
        plugins_enabled=settings[bootstrap.PLUGINS_ENABLED],
        plugins_validated=settings[bootstrap.PLUGIN_VALIDATION],
        strict_single_hooks=settings[agent.STRICT_SINGLE_HOOKS],
        local_hooks_enabled=settings[bootstrap.LOCAL_HOOKS_ENABLED],
        pty=settings[bootstrap.PTY],
        phases=frozenset(settings[bootstrap.PHASES] or bootstrap.PHASE_NAMES),
        job_api=not settings[bootstrap.NO_JOB_API],
        redacted_vars=tuple(settings[job.REDACTED_VARS]),
        disabled_warnings=tuple(settings[agent.DISABLE_WARNINGS_FOR]),
        experiments=frozenset(settings[logging.EXPERIMENT]),
        cancel_signal=settings[agent.CANCEL_SIGNAL],
        cancel_grace_s=float(cancel_grace_s),
        signal_grace_s=float(signal_grace_s(cancel_grace_s, settings[agent.SIGNAL_GRACE_PERIOD])),
        debug=settings[logging.DEBUG],
        override_self=override_self,
        container_binary=settings[agent.CONTAINER_BINARY],
        protection=_protection(settings, environ),
        compat=Compat(settings[COMPAT], frozenset(settings[logging.EXPERIMENT])),
    )


def _protection(settings: Settings, environ: Mapping[str, str]) -> Protection:
    # As it was at the start: what the job sets cannot loosen it.
    mode = environ.get(CHECKOUT_OVERRIDE_MODE) or "from-job"
    return Protection(
        settings[agent.PROTECTED_VARIABLES], settings[agent.PROTECT_GIT], settings[bootstrap.COMMAND_EVAL], mode
    )


def checkout_path(settings: JobProcessSettings) -> str:
    """Return the folder that the job's repository is checked out to, below the build path.

    Raises ConfigError without a build path, and for a slug that would lead out of it: a checkout may be removed whole.
    """
    if not settings.build_path:
        raise ConfigError("must set either a BUILDKITE_BUILD_PATH or a BUILDKITE_BUILD_CHECKOUT_PATH")
    agent_folder = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in settings.agent_name)
    agent_folder = _folder_name(bootstrap.AGENT, agent_folder)
    organization = _folder_name(bootstrap.ORGANIZATION, settings.organization)
    pipeline = _folder_name(bootstrap.PIPELINE, settings.pipeline)
    return os.path.normpath(os.path.join(settings.build_path, agent_folder, organization, pipeline))


def _folder_name(option: Option, slug: str) -> str:
    """Return a slug that the control plane named, once it is sure to be the name of one folder, or empty."""
    if slug in (os.curdir, os.pardir) or any(letter in slug for letter in "/\\:\0"):
        raise ConfigError(f'{option.env[0]} is "{slug}", which cannot be the name of a folder to check out to')
    objection = windows_names.objection(slug) if ON_WINDOWS and slug else ""
    if objection:
        raise ConfigError(f"{option.env[0]} cannot name the folder to check out to: {objection}")
    return slug
