"""Which file plugins mount into containers as `buildkite-agent`: a static program, where there is one.

The plugins docker and docker-compose mount what VARIABLE names, else what `command -v buildkite-agent` finds: the
launcher of the job, which requires Python in the image. Where VARIABLE is set they mount that and pass the job's token
even if a step has not asked for it, so only the hooks of a plugin that was asked get it.
Source: commands/run.sh of buildkite-plugins/docker-buildkite-plugin 5.13.0 and docker-compose-buildkite-plugin 5.14.0.
"""

from __future__ import annotations

import os

from bkagent.config.launching import self_command
from bkagent.config.options import api
from bkagent.shell import programs
from bkagent.system import static_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional

VARIABLE = "BUILDKITE_AGENT_BINARY_PATH"
_ASKS = "_MOUNT_BUILDKITE_AGENT"
_PASSES_ALL = "_PROPAGATE_ENVIRONMENT"
_TRUE = ("true", "on", "1")
_ENDPOINT = api.ENDPOINT.env[0]
_HOSTED = ".buildkite.com"


def variables(
    plugin_env: Mapping[str, str], env: Mapping[str, str], configured: str, launchers: str
) -> Mapping[str, str]:
    """Return what a plugin's hooks are told besides `plugin_env`, its configuration; `env` is the job's environment.

    `configured` is the program that the agent was told to use, "" for none.
    """
    if env.get(VARIABLE) or not _has_true(plugin_env, _ASKS):
        return {}
    path = configured
    if not path and _reaches_endpoint(plugin_env, env):
        path = find_static(env, launchers) or ""
    return {VARIABLE: path} if path else {}


def find_static(env: Mapping[str, str], launchers: str = "") -> Optional[str]:
    """Return the first static `buildkite-agent` on PATH, None if there is none. `launchers` are looked over."""
    for folder in env.get("PATH", "").split(os.pathsep):
        if not os.path.isabs(folder) or folder == launchers:
            continue
        path = programs.find(os.path.join(folder, self_command.NAMES[0]), env, "")
        try:
            if path and static_program.is_static(path):
                return path
        except OSError:
            continue
    return None


def _reaches_endpoint(plugin_env: Mapping[str, str], env: Mapping[str, str]) -> bool:
    """Return whether a program that does not know the job's socket would speak to the job's control plane.

    It is told no endpoint unless the step says so, and its default is the hosted one: that would get the token.
    """
    from urllib.parse import urlsplit  # here: few jobs have a plugin that asks

    host = urlsplit(env.get(_ENDPOINT, "")).hostname or ""
    return host.endswith(_HOSTED) or _has_true(plugin_env, _PASSES_ALL) or _passes(plugin_env, _ENDPOINT)


def _passes(plugin_env: Mapping[str, str], variable: str) -> bool:
    return any(
        name.endswith("_" + variable) or value.partition("=")[0] == variable for name, value in plugin_env.items()
    )


def _has_true(plugin_env: Mapping[str, str], ending: str) -> bool:
    return any(name.endswith(ending) and value in _TRUE for name, value in plugin_env.items())
