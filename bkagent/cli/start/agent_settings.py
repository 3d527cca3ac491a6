"""From the options of `start` to what an agent is told."""

from __future__ import annotations

import os
from typing import List, Mapping, Tuple

from bkagent.agent.job_settings import CheckoutSettings, JobSettings, LogCopies, Permissions, Signing
from bkagent.agent.session.registration import host_tags
from bkagent.agent.settings import AgentSettings
from bkagent.cli.command import Call
from bkagent.cli.start import inherited_env
from bkagent.config import paths, self_command, token_source
from bkagent.config.option import Option
from bkagent.config.options import accepted, agent, api, checkout, job, job_logs, logging, session
from bkagent.config.settings import Settings
from bkagent.errors import ConfigError
from bkagent.wire.log_events import with_event

_DEFAULT_CHECKOUT_ATTEMPTS = 6


def build(call: Call) -> AgentSettings:
    """Return the agent's settings. Raises ConfigError for values that do not go together, or cannot be had."""
    settings, environ = call.settings, call.environ
    _refuse(settings)
    state_path = paths.state_path(
        environ, settings[session.STATE_PATH], with_event(call.report, "state.folder_replaced")
    )
    return AgentSettings(
        endpoint=settings[api.ENDPOINT], token=token_source.resolve(settings[api.TOKEN]).reveal(),
        state_path=state_path, job=_job(call, state_path), environ=environ, name=settings[session.NAME],
        priority=settings[session.PRIORITY], tags=_tags(settings), spawn=_spawn(settings),
        spawn_with_priority=settings[session.SPAWN_WITH_PRIORITY],
        descending_priority="descending-spawn-priority" in settings[logging.EXPERIMENT],
        acquire_job=settings[session.ACQUIRE_JOB], reflect_exit_status=settings[session.REFLECT_EXIT_STATUS],
        disconnect_after_job=settings[session.DISCONNECT_AFTER_JOB],
        idle_timeout_s=settings[session.DISCONNECT_AFTER_IDLE], uptime_s=settings[session.DISCONNECT_AFTER_UPTIME],
        ping_mode=settings[session.PING_MODE], report_features=not settings[session.NO_FEATURE_REPORTING],
        no_http2=settings[api.NO_HTTP2], debug=settings[logging.DEBUG], debug_http=settings[api.DEBUG_HTTP],
        is_verbose=call.report.is_debug,
    )  # fmt: skip


def places(settings: AgentSettings) -> List[str]:
    """Return a sentence for each place of this agent's jobs, as an operator looks for them."""
    job = settings.job
    return [
        f"Bootstrap command: {job.bootstrap_script or 'in this program'}",
        f"Build path: {job.build_path}",
        f"Hooks directory: {job.hooks_path}",
        f"Additional hooks directories: [{' '.join(job.additional_hooks_paths)}]",
        f"Plugins directory: {job.plugins_path}",
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
                f"{option.name} (from the {settings.origin(option)}) cannot be honoured by this release, "
                "which therefore does not start with it"
            )
    if settings[agent.ALLOWED_VARIABLES] and not settings[agent.ENABLE_VARIABLE_ALLOWLIST]:
        raise ConfigError(
            "allowed-environment-variables has an effect only with enable-environment-variable-allowlist; set both"
        )


def _spawn(settings: Settings) -> int:
    each, count = settings[session.SPAWN_PER_CPU], settings[session.SPAWN]
    if each and count > 1:
        raise ConfigError("spawn and spawn-per-cpu exclude each other; set one of them")
    count = each * (os.cpu_count() or 1) if each else count
    if count < 1:
        raise ConfigError(f"spawn must be at least 1, but the {settings.origin(session.SPAWN)} says {count}")
    if count > 1 and settings[session.ACQUIRE_JOB]:
        raise ConfigError("acquire-job takes one job, so spawn must be 1 with it")
    return int(count)


def _tags(settings: Settings) -> Tuple[str, ...]:
    tags = list(settings[session.TAGS])
    if settings[session.TAGS_FROM_HOST]:
        tags += host_tags()
    queue = settings[session.QUEUE]
    if queue:
        if any(tag.startswith("queue=") for tag in tags):
            raise ConfigError(f'the queue is given twice: --queue says "{queue}", and a tag says queue too; set one')
        tags.append("queue=" + queue)
    return tuple(tags)


def _job(call: Call, state_path: str) -> JobSettings:
    settings, environ = call.settings, call.environ
    cancel_grace_s, signal_grace_s = _graces(settings)
    return JobSettings(
        build_path=_folder(settings, agent.BUILD_PATH, environ),
        sockets_path=_folder(settings, agent.SOCKETS_PATH, environ),
        launchers_path=self_command.launcher_folder(state_path), environ=inherited_env.inherited(call),
        context_path=_folder(settings, agent.JOB_CONTEXT_PATH, environ),
        config_path=settings[session.CONFIG], hooks_path=_folder(settings, agent.HOOKS_PATH, environ),
        additional_hooks_paths=tuple(settings[agent.ADDITIONAL_HOOKS_PATHS]),
        plugins_path=_folder(settings, agent.PLUGINS_PATH, environ),
        bootstrap_script=paths.expand_command(settings[agent.BOOTSTRAP_SCRIPT], environ),
        shell=settings[agent.SHELL] or agent.default_shell(environ), hooks_shell=settings[agent.HOOKS_SHELL],
        cancel_signal=settings[agent.CANCEL_SIGNAL], cancel_grace_s=cancel_grace_s, signal_grace_s=signal_grace_s,
        pty=not settings[agent.NO_PTY] and os.sep != "\\", ansi_timestamps=not settings[agent.NO_ANSI_TIMESTAMPS],
        timestamp_lines=settings[agent.TIMESTAMP_LINES], strict_single_hooks=settings[agent.STRICT_SINGLE_HOOKS],
        plugin_validation=not settings[agent.NO_PLUGIN_VALIDATION],
        plugins_always_clone_fresh=settings[agent.PLUGINS_ALWAYS_CLONE_FRESH],
        multipart_artifacts=not settings[agent.NO_MULTIPART],
        artifact_concurrency=settings[agent.ARTIFACT_CONCURRENCY], redacted_vars=tuple(settings[job.REDACTED_VARS]),
        disable_warnings_for=tuple(settings[agent.DISABLE_WARNINGS_FOR]),
        experiments=tuple(settings[logging.EXPERIMENT]),
        trace_context_encoding=settings[accepted.TRACE_CONTEXT_ENCODING] or "gob",
        leftovers=settings[agent.LEFTOVERS], compat=settings[agent.COMPAT], log_copies=_log_copies(settings, environ),
        checkout=_checkout(settings, environ), permissions=_permissions(settings), signing=_signing(settings, environ),
    )  # fmt: skip


def _log_copies(settings: Settings, environ: Mapping[str, str]) -> LogCopies:
    return LogCopies(
        tmpfile=settings[job_logs.ENABLE_TMPFILE], tmpfile_folder=_folder(settings, job_logs.TMPFILE_FOLDER, environ),
        folder=_folder(settings, job_logs.FOLDER, environ), retention_s=settings[job_logs.RETENTION],
        to_stdout=settings[job_logs.TO_STDOUT],
    )  # fmt: skip


def _folder(settings: Settings, option: Option, environ: Mapping[str, str]) -> str:
    return paths.expand(settings[option], environ)


def _graces(settings: Settings) -> Tuple[int, int]:
    """Return the graces of a cancelled job and of its command, in seconds."""
    cancel, signal = settings[agent.CANCEL_GRACE_PERIOD], settings[agent.SIGNAL_GRACE_PERIOD]
    effective = cancel + signal if signal < 0 else signal
    if effective < 0:
        raise ConfigError(
            f"signal-grace-period-seconds ({signal}) counts back from cancel-grace-period ({cancel}) to less than 0"
        )
    if effective >= cancel:
        raise ConfigError(
            f"signal-grace-period-seconds ({effective}) must be less than cancel-grace-period ({cancel}); "
            "it is the part of it that a command has"
        )
    return cancel, effective


def _checkout(settings: Settings, environ: Mapping[str, str]) -> CheckoutSettings:
    mode = settings[checkout.OVERRIDE_MODE] or "from-job"
    return CheckoutSettings(
        override_mode="strict" if settings[agent.NO_COMMAND_EVAL] else mode, skip=settings[checkout.SKIP_CHECKOUT],
        attempts=settings[checkout.CHECKOUT_ATTEMPTS]
        if settings[checkout.CHECKOUT_ATTEMPTS] > 0
        else _DEFAULT_CHECKOUT_ATTEMPTS,
        timeout_s=settings[checkout.GIT_CHECKOUT_TIMEOUT], checkout_flags=settings[checkout.GIT_CHECKOUT_FLAGS],
        clone_flags=settings[checkout.GIT_CLONE_FLAGS], clean_flags=settings[checkout.GIT_CLEAN_FLAGS],
        fetch_flags=settings[checkout.GIT_FETCH_FLAGS],
        commit_verification=_verification(settings),
        sparse_paths=tuple(settings[checkout.GIT_SPARSE_CHECKOUT_PATHS]),
        sparse_mode=settings[checkout.GIT_SPARSE_CHECKOUT_MODE] or "cone",
        mirrors_path=_folder(settings, checkout.GIT_MIRRORS_PATH, environ),
        mirror_clone_flags=settings[checkout.GIT_CLONE_MIRROR_FLAGS],
        mirror_checkout_mode=settings[checkout.GIT_MIRROR_CHECKOUT_MODE],
        mirrors_lock_timeout_s=settings[checkout.GIT_MIRRORS_LOCK_TIMEOUT],
        mirrors_skip_update=settings[checkout.GIT_MIRRORS_SKIP_UPDATE],
        skip_fetch_existing_commits=settings[checkout.GIT_SKIP_FETCH_EXISTING_COMMITS],
        submodules=not settings[checkout.NO_GIT_SUBMODULES],
        submodule_clone_config=tuple(settings[checkout.GIT_SUBMODULE_CLONE_CONFIG]),
        ssh_keyscan=not settings[checkout.NO_SSH_KEYSCAN],
    )  # fmt: skip


def _verification(settings: Settings) -> str:
    """Return how the commit's place on the branch is verified. Raises ConfigError for words of version 3 with 4."""
    option = checkout.GIT_COMMIT_VERIFICATION
    mode = str(settings[option])
    if settings[agent.COMPAT] != "4" or mode not in ("", "warn"):
        return mode
    if not settings.is_set(option):
        return "strict"
    raise ConfigError(
        f'git-commit-verification is "{mode}" (from the {settings.origin(option)}), which compat 4 does not have: '
        "set it to strict, off or fail-closed"
    )


def _permissions(settings: Settings) -> Permissions:
    eval_is_off, hooks_are_off = settings[agent.NO_COMMAND_EVAL], settings[agent.NO_LOCAL_HOOKS]
    # Switching either off takes plugins along, unless they were spoken of explicitly.
    implied = (eval_is_off or hooks_are_off) and not settings.is_set(agent.NO_PLUGINS)
    lists = (agent.ALLOWED_REPOSITORIES, agent.ALLOWED_PLUGINS, agent.ALLOWED_VARIABLES)
    for option in lists:
        if settings[option]:
            _check_patterns(settings, option)
    repositories, plugins, variables = (tuple(settings[option]) for option in lists)
    return Permissions(
        command_eval=not eval_is_off, plugins=not (implied or settings[agent.NO_PLUGINS]),
        local_hooks=not hooks_are_off, repositories=repositories, plugin_sources=plugins,
        variables=variables if settings[agent.ENABLE_VARIABLE_ALLOWLIST] else None,
        protected=tuple(settings[agent.PROTECTED_VARIABLES]), protect_git=settings[agent.PROTECT_GIT],
        unverified=settings[accepted.VERIFICATION_FAILURE_BEHAVIOR] == "warn",
    )  # fmt: skip


def _check_patterns(settings: Settings, option: Option) -> None:
    # Loaded here: most agents allow everything.
    from bkagent.regexp.pattern import Pattern
    from bkagent.regexp.syntax import PatternError

    for pattern in settings[option]:
        try:
            Pattern(pattern)
        except PatternError as error:
            raise ConfigError(
                f'{option.name} must hold regular expressions, but the {settings.origin(option)} says "{pattern}" '
                f"({error})"
            ) from None


def _signing(settings: Settings, environ: Mapping[str, str]) -> Signing:
    return Signing(
        jwks_file=_folder(settings, accepted.SIGNING_JWKS_FILE, environ),
        jwks_key_id=settings[accepted.SIGNING_JWKS_KEY_ID], aws_kms_key=settings[accepted.SIGNING_AWS_KMS_KEY],
        gcp_kms_key=settings[accepted.SIGNING_GCP_KMS_KEY], debug=settings[accepted.DEBUG_SIGNING],
    )  # fmt: skip
