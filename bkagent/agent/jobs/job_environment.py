"""The variables of a job: what the control plane sent, and what the agent puts over it.

Each contributor returns a mapping of its own; they are merged in the order of CONTRIBUTORS. A variable that
the job brought and the agent overwrites is named in BUILDKITE_IGNORED_ENV, so that the log can say so.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Tuple

from bkagent.agent import ignored_order
from bkagent.agent.jobs.job_start import JobStart
from bkagent.agent.variables_of_agent import access, configuration, git, identity, signing, steps
from bkagent.agent.variables_of_checkout import SPARSE_NAMES, checkout
from bkagent.config.protected_variables import IGNORED, Protection
from bkagent.remote.request_headers import to_variables

Contributor = Callable[[JobStart], Dict[str, str]]

MESSAGE, MESSAGE_MAX_BYTES = "BUILDKITE_MESSAGE", 65536
REGISTRATION_TOKEN = "BUILDKITE_AGENT_TOKEN"
MIRROR_URL = "BUILDKITE_GIT_REMOTE_MIRROR_URL"


def _headers(context: JobStart) -> Dict[str, str]:
    return to_variables(context.request_headers)


def _validation(context: JobStart) -> Dict[str, str]:
    wanted = context.settings.plugin_validation or context.job.env.get("BUILDKITE_PLUGIN_VALIDATION") in _YES
    return {"BUILDKITE_PLUGIN_VALIDATION": "true" if wanted else "false"}


_YES = ("true", "1", "on")

# Ours, in the order in which they are merged.
CONTRIBUTORS = (steps, access, _headers, identity, git, checkout, configuration, signing, _validation)


def received(env: Mapping[str, str], protection: Protection) -> Tuple[Dict[str, str], List[str]]:
    """Return the job's own variables as it may have them, never a registration token; and the names of the others."""
    dropped = {name for name, value in env.items() if _is_malformed(name) or protection.drops(name, value)}
    own = {name: value for name, value in env.items() if name != REGISTRATION_TOKEN and name not in dropped}
    own.setdefault(MIRROR_URL, "")
    return own, [name.encode("unicode_escape").decode("ascii") or '""' for name in sorted(dropped)]


def _is_malformed(name: str) -> bool:
    """Return whether a file of variables would show a name as another one; with a NUL the job is refused."""
    return not name or "=" in name or any(letter < " " and letter != "\0" for letter in name)


def variables(context: JobStart) -> Dict[str, str]:
    """Return every variable that the job is told, without what its process inherits from the agent."""
    own, ignored = received(context.job.env, context.settings.permissions.protection())
    merged: Dict[str, str] = dict(own)
    for contributor in CONTRIBUTORS:
        for name, value in contributor(context).items():
            if contributor is checkout and name in own and _job_may_set(name, context.settings.checkout.override_mode):
                continue
            if name in own and not _expected(contributor, own[name]):
                ignored.append(name)
            merged[name] = value
    if MESSAGE in merged:
        merged[MESSAGE] = shortened(merged[MESSAGE])
    merged.pop(IGNORED, None)
    if ignored:
        merged[IGNORED] = ",".join(sorted(ignored, key=ignored_order.place))
    return merged


def process_environment(context: JobStart) -> Dict[str, str]:
    """Return the whole environment of the job's process."""
    return {**context.settings.environ, **variables(context)}


def shortened(message: str) -> str:
    """Return the message, cut so that name and value fit what other programs can take, and saying that it was."""
    raw = message.encode("utf-8", "surrogateescape")
    if len(raw) <= MESSAGE_MAX_BYTES:
        return message
    room = MESSAGE_MAX_BYTES - len(MESSAGE) - 2
    suffix = f"[value truncated {len(raw)} -> {room} bytes]"
    kept = raw[: room - len(suffix)].decode("utf-8", "ignore")
    return kept + suffix


def _expected(contributor: Contributor, brought: str) -> bool:
    """Say whether a job may bring a variable of `contributor` without hearing that it was ignored."""
    return contributor is _headers or (contributor is _validation and brought in _YES)


def _job_may_set(name: str, mode: str) -> bool:
    if mode == "none":
        return True
    return mode != "strict" and name in SPARSE_NAMES
