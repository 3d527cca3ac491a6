"""From the options of `start` to what an agent is told."""

from __future__ import annotations

import os

from bkagent.agent.session.registration import host_tags
from bkagent.agent.settings import AgentSettings, JobSettings
from bkagent.cli.start import containers, inherited_env
from bkagent.config import job_options, paths
from bkagent.config.compat import Compat
from bkagent.config.launching import self_command
from bkagent.config.options import accepted, agent, agent_signing, api, session
from bkagent.config.sources import token_source
from bkagent.errors import ConfigError
from bkagent.wire.log_events import with_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Tuple

    from bkagent.cli.command import Call
    from bkagent.config.option import Option
    from bkagent.config.settings import Settings
    from bkagent.jose.jwk import Jwk


def build(call: Call) -> AgentSettings:
    """Return the agent's settings. Raises ConfigError for values that do not go together, or cannot be had."""
    settings, environ = call.settings, call.environ
    _refuse(settings)
    state_path = paths.state_path(
        environ, settings[session.STATE_PATH], with_event(call.report, "state.folder_replaced")
    )
    return AgentSettings(
        settings, token=token_source.resolve(settings[api.TOKEN]).reveal(), state_path=state_path,
        job=_job(call, state_path), environ=environ, tags=_tags(settings), spawn=_spawn(settings),
        is_verbose=call.report.is_debug,
    )  # fmt: skip


def places(settings: AgentSettings) -> List[str]:
    """Return a sentence for each place of this agent's jobs, as an operator looks for them."""
    job = settings.job
    return [
        f"Bootstrap command: {job[agent.BOOTSTRAP_SCRIPT] or 'in this program'}",
        f"Build path: {job[agent.BUILD_PATH]}",
        f"Hooks directory: {job[agent.HOOKS_PATH]}",
        f"Additional hooks directories: [{' '.join(job[agent.ADDITIONAL_HOOKS_PATHS])}]",
        f"Plugins directory: {job[agent.PLUGINS_PATH]}",
        f"State folder: {settings.state_path}",
    ]


def warnings(settings: Settings) -> List[str]:
    """Return a sentence for each setting that was given and has no effect."""
    return [
        f"--{option.name} (from the {settings.origin(option)}) has no effect in this release"
        for option in accepted.IGNORED
        if settings.is_set(option) and settings[option]
    ]


def _refuse(settings: Settings) -> None:
    for option in accepted.REFUSED:
        if settings[option]:
            raise ConfigError(
                f"{option.name} (from the {settings.origin(option)}) is not supported in this release, "
                "which therefore does not start with it"
            )
    if settings[agent.ALLOWED_VARIABLES] and not settings[agent.ENABLE_VARIABLE_ALLOWLIST]:
        raise ConfigError(
            "allowed-environment-variables has an effect only with enable-environment-variable-allowlist; set both"
        )


def _spawn(settings: Settings) -> int:
    each, count = settings[session.SPAWN_PER_CPU], settings[session.SPAWN]
    if each and count > 1:
        raise ConfigError("spawn and spawn-per-cpu are mutually exclusive; set one of them")
    count = each * (os.cpu_count() or 1) if each else count
    if count < 1:
        raise ConfigError(settings.invalid_value(session.SPAWN, "at least 1", count))
    if count > 1 and settings[session.ACQUIRE_JOB]:
        raise ConfigError("acquire-job runs a single job and requires spawn to be 1")
    return int(count)


def _tags(settings: Settings) -> Tuple[str, ...]:
    tags = list(settings[session.TAGS])
    if settings[session.TAGS_FROM_HOST]:
        tags += host_tags()
    queue = settings[session.QUEUE]
    if queue:
        if any(tag.startswith("queue=") for tag in tags):
            raise ConfigError(f'the queue is set twice, by --queue "{queue}" and by a tag; set only one')
        tags.append("queue=" + queue)
    return tuple(tags)


def _job(call: Call, state_path: str) -> JobSettings:
    for option in (agent.ALLOWED_REPOSITORIES, agent.ALLOWED_PLUGINS, agent.ALLOWED_VARIABLES):
        if call.settings[option]:
            _check_patterns(call.settings, option)
    options = job_options.complete(call.settings, call.environ)
    containers.check(options)
    return JobSettings(
        options, self_command.launcher_folder(state_path),
        inherited_env.inherited_environment(call), verification_keys(call),
    )  # fmt: skip


def verification_keys(call: Call) -> Optional[Tuple[Jwk, ...]]:
    """Return the keys that verify jobs, None where none are configured; and check the file that jobs sign with."""
    signing, verification = agent_signing.SIGNING_JWKS_FILE, agent_signing.VERIFICATION_JWKS_FILE
    paths = {option: call.settings[option] for option in (signing, verification)}
    has_service_key = any(call.settings[option] for option in agent_signing.KEY_SERVICES)
    if not any(paths.values()) and not has_service_key:
        return None
    # Loaded here: most agents neither sign nor verify.
    from bkagent.cli.start import agent_keys

    named = {option: f"{option.name} (from the {call.settings.origin(option)})" for option in paths}
    if paths[signing]:
        agent_keys.check_signing_key(call, named[signing])
    prefers_file = paths[verification] and Compat(call.settings[agent.COMPAT]).names_service_keys
    if has_service_key and not prefers_file:
        return agent_keys.service_keys(call)
    if not paths[verification]:
        return None
    return agent_keys.verification_keys(paths[verification], named[verification], call.report)


def _check_patterns(settings: Settings, option: Option) -> None:
    # Loaded here: most agents allow everything.
    from bkagent.regexp.pattern import Pattern
    from bkagent.regexp.syntax import PatternError

    for pattern in settings[option]:
        try:
            Pattern(pattern)
        except PatternError as error:
            invalid = settings.invalid_value(option, "regular expressions", pattern)
            raise ConfigError(f"{invalid}: {error}") from None
