"""The variables that tell a job about its agent: small contributors, each returning its own mapping.

Source of names and order: the environment that buildkite-agent 3.137 gives its jobs.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from bkagent.agent.job_settings import Permissions
from bkagent.agent.jobs.job_start import JobStart
from bkagent.config.compat import COMPAT
from bkagent.config.options import agent as agent_options
from bkagent.pipeline import grammar


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def steps(context: JobStart) -> Dict[str, str]:
    """Return the files that describe the job, and what its step asks of the job process."""
    found = {
        "BUILDKITE_ENV_FILE": context.env_path, "BUILDKITE_ENV_JSON_FILE": context.env_json_path,
        "BUILDKITE_AGENT_JOB_TIMEOUT_FILE": context.timeout_path,
    }  # fmt: skip
    if context.log_tmpfile:
        found["BUILDKITE_JOB_LOG_TMPFILE"] = context.log_tmpfile
    paths = grammar.cache_paths(context.job.step.get("cache"))
    if paths:
        found["BUILDKITE_AGENT_CACHE_PATHS"] = ",".join(paths)
    secrets = _secrets(context.job.step.get("secrets"))
    if secrets:
        found["BUILDKITE_SECRETS_CONFIG"] = json.dumps(secrets, sort_keys=True, separators=(",", ":"))
    return found


def access(context: JobStart) -> Dict[str, str]:
    """Return how the job's commands reach the control plane."""
    return {
        "BUILDKITE_AGENT_ENDPOINT": context.endpoint, "BUILDKITE_AGENT_ACCESS_TOKEN": context.token,
        "BUILDKITE_NO_HTTP2": _word(context.no_http2),
    }  # fmt: skip


def identity(context: JobStart) -> Dict[str, str]:
    """Return who runs the job, and where its things are."""
    settings = context.settings
    return {
        "BUILDKITE_AGENT_DEBUG": _word(context.debug), "BUILDKITE_AGENT_DEBUG_HTTP": _word(context.debug_http),
        "BUILDKITE_AGENT_PID": str(context.agent_pid), "BUILDKITE_BIN_PATH": settings.launchers_path,
        "BUILDKITE_CONFIG_PATH": settings.config_path, "BUILDKITE_BUILD_PATH": settings.build_path,
        "BUILDKITE_SOCKETS_PATH": settings.sockets_path, "BUILDKITE_HOOKS_PATH": settings.hooks_path,
        "BUILDKITE_ADDITIONAL_HOOKS_PATHS": ",".join(settings.additional_hooks_paths),
        "BUILDKITE_PLUGINS_PATH": settings.plugins_path,
    }  # fmt: skip


def git(context: JobStart) -> Dict[str, str]:
    """Return what says how git is used and no job may change."""
    settings = context.settings.checkout
    return {
        "BUILDKITE_GIT_MIRRORS_PATH": settings.mirrors_path,
        "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE": _word(settings.mirrors_skip_update),
        "BUILDKITE_SSH_KEYSCAN": _word(settings.ssh_keyscan),
        "BUILDKITE_CHECKOUT_OVERRIDE_MODE": settings.override_mode,
        "BUILDKITE_CHECKOUT_ATTEMPTS": str(settings.attempts),
        "BUILDKITE_GIT_CLONE_MIRROR_FLAGS": settings.mirror_clone_flags,
        "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE": settings.mirror_checkout_mode,
        "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT": str(settings.mirrors_lock_timeout_s),
        "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG": ",".join(settings.submodule_clone_config),
    }


def protections(permissions: Permissions) -> Dict[str, str]:
    """Return which variables are protected; nothing where none are, as the reference's jobs have it."""
    said = {}
    if permissions.protected:
        said[agent_options.PROTECTED_VARIABLES.env[0]] = ",".join(permissions.protected)
    if permissions.protect_git:
        said[agent_options.PROTECT_GIT.env[0]] = "true"
    return said


def configuration(context: JobStart) -> Dict[str, str]:
    """Return what the job may do, and how its processes are run and ended."""
    settings, permissions = context.settings, context.settings.permissions
    found = {
        "BUILDKITE_COMMAND_EVAL": _word(permissions.command_eval),
        "BUILDKITE_PLUGINS_ENABLED": _word(permissions.plugins),
        "BUILDKITE_LOCAL_HOOKS_ENABLED": _word(permissions.local_hooks),
        "BUILDKITE_SHELL": settings.shell, "BUILDKITE_HOOKS_SHELL": settings.hooks_shell,
        "BUILDKITE_AGENT_EXPERIMENT": ",".join(settings.experiments),
        "BUILDKITE_REDACTED_VARS": ",".join(settings.redacted_vars),
        "BUILDKITE_STRICT_SINGLE_HOOKS": _word(settings.strict_single_hooks),
        "BUILDKITE_CANCEL_GRACE_PERIOD": str(settings.cancel_grace_s),
        "BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS": str(settings.signal_grace_s),
        "BUILDKITE_TRACE_CONTEXT_ENCODING": settings.trace_context_encoding,
        "BUILDKITE_JOB_LOGS_OTLP": "false", COMPAT.env[0]: settings.compat,
        "BUILDKITE_AGENT_DISABLE_WARNINGS_FOR": ",".join(settings.disable_warnings_for),
        **protections(permissions),
    }  # fmt: skip
    for name, value, said in (
        ("PLUGINS_ALWAYS_CLONE_FRESH", "true", settings.plugins_always_clone_fresh),
        ("NO_MULTIPART_ARTIFACT_UPLOAD", "true", not settings.multipart_artifacts),
        ("ARTIFACT_UPLOAD_CONCURRENCY", str(settings.artifact_concurrency), settings.artifact_concurrency > 0),
        ("CANCEL_SIGNAL", settings.cancel_signal, settings.cancel_signal != "SIGTERM"),
        ("PTY", "false", not settings.pty),
    ):
        if said:
            found["BUILDKITE_" + name] = value
    return found


def signing(context: JobStart) -> Dict[str, str]:
    """Return the keys that the job's pipeline uploads sign with, those that are set."""
    keys = context.settings.signing
    found = {
        "BUILDKITE_AGENT_AWS_KMS_KEY": keys.aws_kms_key, "BUILDKITE_AGENT_GCP_KMS_KEY": keys.gcp_kms_key,
        "BUILDKITE_AGENT_JWKS_FILE": keys.jwks_file, "BUILDKITE_AGENT_JWKS_KEY_ID": keys.jwks_key_id,
        "BUILDKITE_AGENT_DEBUG_SIGNING": "true" if keys.debug else "",
    }  # fmt: skip
    return {name: value for name, value in found.items() if value}


def _secrets(secrets: Any) -> List[Dict[str, str]]:
    """Return a step's secrets as key and variable, in whichever of their forms; what has no form is left out."""
    listed = [secret for secret in secrets if isinstance(secret, (str, dict))] if isinstance(secrets, list) else []
    pairs = grammar.secrets(secrets if isinstance(secrets, dict) else listed)
    return [
        {"key": str(key or ""), **({"environment_variable": str(variable)} if variable else {})}
        for key, variable in pairs
    ]
