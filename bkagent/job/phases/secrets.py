"""The secrets that a step asks for: fetched before its hooks, redacted, put into its environment."""

from __future__ import annotations

import threading
from typing import Dict, List

from bkagent.config.variables.protected_variables import CHECKOUT_OVERRIDE_MODE
from bkagent.errors import AgentError, SetupFailed
from bkagent.job.job import RunningJob
from bkagent.named_tuple import NamedTuple
from bkagent.wire import go_decoding

_AT_ONCE_COUNT = 10
_FAILED = "failed to fetch secrets for job: "


class SecretRequest(NamedTuple):
    """One secret: its key, and the variable it goes to, "" for none."""

    key: str
    variable: str


def run(job: RunningJob) -> None:
    """Fetch them all. Raises SetupFailed when one cannot be had, or asks for a variable it may not set."""
    requests = _parse(job.settings.secrets)
    if not requests:
        return
    job.log.header("Preparing secrets")
    values = _fetch_all(job, requests)
    for request in requests:
        job.redactions.add(values[request.key])
        if request.variable:
            _set_variable(job, request, values[request.key])
    with job.session.lock:
        env = dict(job.session.env)
    job.refreshed.refresh(env, job.log.comment)


def _parse(text: str) -> List[SecretRequest]:
    if not text.strip():
        return []
    try:
        entries = go_decoding.loads(text)
    except ValueError as error:
        raise SetupFailed(f"{_FAILED}BUILDKITE_SECRETS_CONFIG is not JSON: {error}") from None
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise SetupFailed(f"{_FAILED}BUILDKITE_SECRETS_CONFIG must be a JSON array")
    return [_parse_request(entry) for entry in entries]


def _parse_request(entry: object) -> SecretRequest:
    if isinstance(entry, dict):
        key, variable = entry.get("key"), entry.get("environment_variable") or ""
        if isinstance(key, str) and key and isinstance(variable, str) and "=" not in variable:
            return SecretRequest(key, variable)
    raise SetupFailed(f"{_FAILED}each entry of BUILDKITE_SECRETS_CONFIG must have a key and may name a variable")


def _fetch_all(job: RunningJob, requests: List[SecretRequest]) -> Dict[str, str]:
    from bkagent.remote.commands import secrets

    keys = list(dict.fromkeys(request.key for request in requests))
    client, remaining_keys, lock = job.client, iter(keys), threading.Lock()
    values: Dict[str, str] = {}
    problems: Dict[str, AgentError] = {}

    def fetch() -> None:
        while True:
            with lock:
                key = next(remaining_keys, None)
            if key is None:
                return
            try:
                values[key] = secrets.get(
                    client, job.settings.job_id, key, wait=job.session.cancellation.wait, report=_quiet
                )
            except AgentError as problem:
                problems[key] = problem

    workers = [threading.Thread(target=fetch, name="secrets") for _ in range(min(_AT_ONCE_COUNT, len(keys)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if problems:
        causes = "".join(f'\n   secret "{key}": {problems[key]}' for key in keys if key in problems)
        raise SetupFailed(_FAILED + causes)
    return values


def _set_variable(job: RunningJob, request: SecretRequest, value: str) -> None:
    if job.protection.is_closed_to_secrets(request.variable):
        text = f'secret "{request.key}" cannot set protected environment variable "{request.variable}"'
        raise SetupFailed(_FAILED + text)
    if job.protection.locks_secret(request.variable):
        raise SetupFailed(
            f'{_FAILED}secret "{request.key}" cannot set checkout-locked environment variable "{request.variable}" '
            f"while {CHECKOUT_OVERRIDE_MODE}={job.protection.mode}"
        )
    overwritten = "" if job.get_env(request.variable) is None else " (overwritten)"
    job.set_env(request.variable, value)
    job.log.comment(f"Secret {request.key} added as environment variable {request.variable}{overwritten}")


def _quiet(level: str, text: str) -> None:
    """Say nothing of tries that failed: what comes of them is said."""
