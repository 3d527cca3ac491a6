"""The variables of a job: what the control plane sent, and what the agent puts over it.

What the agent has to say is in the rows of its options (`config.variables.job_variables`). A variable that the job
brought and the agent overwrites is named in BUILDKITE_IGNORED_ENV, so that the log can say so.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Dict, List, Mapping, Tuple

from bkagent.agent.jobs.job_start import JobStart
from bkagent.agent.settings import JobSettings
from bkagent.config.options import api, bootstrap, checkout
from bkagent.config.settings import Settings
from bkagent.config.variables import job_variables
from bkagent.config.variables.build_variables import MESSAGE
from bkagent.config.variables.job_variable import BY_MODE, SPARSE_BY_MODE, UNPLACED, JobVariable
from bkagent.config.variables.protected_variables import IGNORED, Protection
from bkagent.pipeline import grammar
from bkagent.remote.request_headers import to_variables

MESSAGE_MAX_BYTES = 65536
REGISTRATION_TOKEN = api.TOKEN.env[0]
MIRROR_URL = bootstrap.GIT_REMOTE_MIRROR.env[0]
_VALIDATION = bootstrap.PLUGIN_VALIDATION.env[0]
_YES = ("true", "1", "on")


def received(env: Mapping[str, str], protection: Protection) -> Tuple[Dict[str, str], List[str]]:
    """Return the job's own variables as it may have them, never a registration token; and the names of the others."""
    dropped = {name for name, value in env.items() if _is_malformed(name) or protection.drops(name, value)}
    own = {name: value for name, value in env.items() if name != REGISTRATION_TOKEN and name not in dropped}
    own.setdefault(MIRROR_URL, "")
    return own, [name.encode("unicode_escape").decode("ascii") or '""' for name in sorted(dropped)]


def _is_malformed(name: str) -> bool:
    """Return whether a file of variables would show a name as another one; with a NUL the job is refused."""
    if name.isprintable():
        return not name or "=" in name
    return "=" in name or any(letter < " " and letter != "\0" for letter in name)


def variables(start: JobStart) -> Dict[str, str]:
    """Return every variable that the job is told, without what its process inherits from the agent."""
    own, ignored = start.own_env, list(start.left_out)
    mode = start.settings[checkout.OVERRIDE_MODE]
    asks_for_validation = own.get(_VALIDATION) in _YES
    merged: Dict[str, str] = {**own, **to_variables(start.request_headers)}
    for row, text in told(start):
        if row.name == _VALIDATION and asks_for_validation:
            merged[row.name] = "true"
            continue
        if row.name in own:
            if _job_may_set(row, mode):
                continue
            ignored.append(row.name)
        merged[row.name] = text
    if MESSAGE in merged:
        merged[MESSAGE] = shortened(merged[MESSAGE])
    merged.pop(IGNORED, None)
    if ignored:
        merged[IGNORED] = ",".join(sorted(ignored, key=job_variables.place))
    return merged


def told(start: JobStart) -> List[Tuple[JobVariable, str]]:
    """Return the rows that the agent tells a job by, with their texts, in the reference's order."""
    texts_by_name = _given(start)
    pairs = ((row, texts_by_name.get(row.name) or said) for row, said in _said_by(start.settings.options))
    return [(row, text) for row, text in pairs if text is not None]


@functools.lru_cache(maxsize=2)  # an agent has the same for all its jobs
def _said_by(options: Settings) -> "Tuple[Tuple[JobVariable, str | None], ...]":
    """Return the rows, each with what the agent's options say by it, None for nothing."""

    def said(row: JobVariable) -> "str | None":
        if row.option is None or row.option not in options:
            return None
        return row.says(options[row.option], is_strict=options[checkout.OVERRIDE_MODE] == "strict")

    return tuple((row, said(row)) for row in job_variables.ALL)


def names_in_env_file(settings: JobSettings) -> List[str]:
    """Return which variables of the agent's a container of the job needs as well, in the reference's order."""
    pairs = [(row, said) for row, said in _said_by(settings.options) if row.place_in_file]
    pairs.sort(key=lambda pair: pair[0].place_in_file)
    return [row.name for row, said in pairs if row.place_in_file < UNPLACED or said is not None]


def _given(start: JobStart) -> Dict[str, str]:
    """Return the variables of this job: its files, how it reaches the control plane, what its step asks for."""
    secrets = _secrets(start.job.step.get("secrets"))
    texts_by_name = {
        job_variables.ENV_FILE: start.files.env_path, job_variables.ENV_JSON_FILE: start.files.env_json_path,
        job_variables.TIMEOUT_FILE: start.files.timeout_path, job_variables.LOG_TMPFILE: start.log_tmpfile,
        job_variables.CACHE_PATHS: ",".join(grammar.cache_paths(start.job.step.get("cache"))),
        bootstrap.SECRETS.job: json.dumps(secrets, sort_keys=True, separators=(",", ":")) if secrets else "",
        job_variables.ENDPOINT: start.endpoint, job_variables.ACCESS_TOKEN: start.token,
        job_variables.AGENT_PID: str(start.agent_pid), bootstrap.BIN_PATH.job: start.settings.launchers_path,
        job_variables.LOGS_BY_OTLP: "false",
    }  # fmt: skip
    return {row.name: text for row, text in texts_by_name.items() if row is not None and text}


def process_environment(start: JobStart) -> Dict[str, str]:
    """Return the whole environment of the job's process."""
    return {**start.settings.environ, **variables(start)}


def shortened(message: str) -> str:
    """Return the message, cut so that name and value fit what other programs can take, and saying that it was."""
    raw = message.encode("utf-8", "surrogateescape")
    if len(raw) <= MESSAGE_MAX_BYTES:
        return message
    room = MESSAGE_MAX_BYTES - len(MESSAGE) - 2
    suffix = f"[value truncated {len(raw)} -> {room} bytes]"
    beginning = raw[: room - len(suffix)].decode("utf-8", "ignore")
    return beginning + suffix


def _job_may_set(row: JobVariable, mode: str) -> bool:
    if row.open_to not in (BY_MODE, SPARSE_BY_MODE):
        return False
    return mode == "none" or (mode != "strict" and row.open_to == SPARSE_BY_MODE)


def _secrets(secrets: Any) -> List[Dict[str, str]]:
    """Return a step's secrets as key and variable, in whichever of their forms; what has no form is left out."""
    valid_secrets = (
        [secret for secret in secrets if isinstance(secret, (str, dict))] if isinstance(secrets, list) else []
    )
    pairs = grammar.secrets(secrets if isinstance(secrets, dict) else valid_secrets)
    return [
        {"key": str(key or ""), **({"environment_variable": str(variable)} if variable else {})}
        for key, variable in pairs
    ]
