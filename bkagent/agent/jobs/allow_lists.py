"""The agent owner's allow-lists for jobs: repositories, names of variables, plugins."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence, Tuple

from bkagent.agent.settings import JobSettings
from bkagent.config.options import agent, bootstrap
from bkagent.git.allow_list import allow_list
from bkagent.pipeline.plugin_source import full_source
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.parse import plugin_of
from bkagent.system.system_kind import ON_WINDOWS

# Every job has these, whatever else its owner allows.
_ALWAYS_ALLOWED_VARIABLES = ("^BUILDKITE$", "^BUILDKITE_.*$", "^CI$")


def allows_repository(address: str, settings: JobSettings) -> bool:
    """Say whether a repository may be checked out."""
    return not allow_list(tuple(settings[agent.ALLOWED_REPOSITORIES])).problem_of_address(address)


def problems(env: Mapping[str, str], plugins: Sequence[str], settings: JobSettings) -> Iterable[str]:
    """Yield a line for each thing of a job that is not allowed."""
    repositories, names, sources = (
        tuple(settings[option])
        for option in (agent.ALLOWED_REPOSITORIES, agent.ALLOWED_VARIABLES, agent.ALLOWED_PLUGINS)
    )
    if repositories:
        repository = env.get(bootstrap.REPOSITORY.env[0], "")
        yield from _lines("repo", [allow_list(repositories).problem_of_address(repository)])
    if settings[agent.ENABLE_VARIABLE_ALLOWLIST]:
        yield from _lines("environment variables", _problems_of_names(env, names))
    if sources:
        yield from _lines("plugins", (_problem_of_plugin(plugin, sources) for plugin in plugins))


def _problems_of_names(names: Iterable[str], patterns: Tuple[str, ...]) -> Iterable[str]:
    allowed = allow_list(_ALWAYS_ALLOWED_VARIABLES + patterns, ON_WINDOWS)
    for name in names:
        yield allowed.problem_of_name(name)


def _problem_of_plugin(source: str, patterns: Tuple[str, ...]) -> str:
    allowed = allow_list(patterns)
    full = full_source(source)
    if full.startswith("./"):
        # Of the job's own repository, which the plugin cannot leave.
        return allowed.problem_of_vendored(full)
    # Not of the full source: the job's process completes none, so that git is given `host/x` as https://host/x.
    return allowed.problem_of_address(full, _address_in_use(source))


def _address_in_use(source: str) -> str:
    """Return what git is given for a plugin, with the folder and the version; "" where it would be given nothing.

    In the form of the source, so that a pattern for the one fits the other: git is given `file:///a%20b` as `/a b`.
    """
    try:
        plugin = plugin_of(source, {})
        repository, folder = plugin.repository, plugin.subdirectory
    except BadPlugins:
        return ""  # the job fails there
    address = "/".join(filter(None, (repository, folder))) + (f"#{plugin.version}" if plugin.version else "")
    if "%20" in source:
        address = address.replace(" ", "%20")
    if plugin.location.startswith("/"):
        return f"file://{address}" if plugin.scheme == "file" else address
    return address if plugin.scheme else address[len("https://") :]


def _lines(kind: str, texts: Iterable[str]) -> Iterable[str]:
    return (f"failed to validate {kind}: {text}" for text in texts if text)
