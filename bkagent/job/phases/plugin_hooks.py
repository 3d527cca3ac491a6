"""The hooks of a step's plugins, and the variables by which each is told what its step wants of it."""

from __future__ import annotations

from typing import Iterator, List, Mapping, NamedTuple, Sequence

from bkagent.hooks import find
from bkagent.job.job import RunningJob
from bkagent.job.phases import hook_changes
from bkagent.plugins import configuration, container_binary
from bkagent.plugins.checkout import CheckedOut

# Code is checked out once and the command runs once; several plugins that want to do it are mostly a mistake.
_SINGLE = frozenset(("checkout", "command"))


class PluginHook(NamedTuple):
    """A hook of a plugin, and what the log calls the plugin."""

    path: str
    plugin_name: str
    checked_out: CheckedOut


def of(job: RunningJob, name: str, loaded: Sequence[CheckedOut]) -> Iterator[PluginHook]:
    """Yield the hooks of one name, in the order of the plugins. They are looked for one by one, as they run."""
    is_first = True
    for position, plugin in enumerate(loaded, 1):
        path = find.find(plugin.hooks, name, inside=plugin.root)
        if path is None:
            job.log.debug(f'Skipping plugin {plugin.plugin.display_name} {name} hook, no script in "{plugin.hooks}"')
            continue
        if name in _SINGLE and not is_first and not _admits(job, name, plugin, position):
            continue
        is_first = False
        yield PluginHook(path, plugin.plugin.display_name, plugin)


def variables_for(job: RunningJob, plugin: CheckedOut) -> Mapping[str, str]:
    """Return the variables that only this plugin's hooks get; none where its configuration holds a null."""
    try:
        variables = configuration.variables(plugin.plugin, with_aliases=job.settings.compat.has_plugin_aliases)
    except configuration.BadConfiguration as problem:
        job.log.warning(f"Error configuring plugin environment: {problem}")
        return {}
    if variables.deprecated:
        _tell_deprecated(job, plugin, variables.deprecated)
    blocked = sorted(name for name, value in variables.env.items() if job.protection.shields(name, value))
    if blocked:
        job.log.comment(f"Variables that this agent protects were left out: [{' '.join(blocked)}]")
        hook_changes.note_ignored(job, blocked)
    told = {name: value for name, value in variables.env.items() if name not in blocked}
    return {**told, **_container_variables(job, told)}


def _container_variables(job: RunningJob, plugin_env: Mapping[str, str]) -> Mapping[str, str]:
    """Return by which variable the plugin learns what to mount into its container, if it mounts something."""
    with job.session.lock:
        env = dict(job.session.env)
    variables = container_binary.variables(plugin_env, env, job.settings.container_binary, job.launchers)
    for path in variables.values():
        job.log.debug(f"The plugin mounts {path} as buildkite-agent")
    return variables


def _admits(job: RunningJob, name: str, plugin: CheckedOut, position: int) -> bool:
    """Warn of a second hook; return whether it runs all the same."""
    hook_text = f"{name} hook ({plugin.plugin.name} plugin, position {position})"
    if job.settings.strict_single_hooks:
        job.log.warning(f"Ignoring additional {hook_text}")
        return False
    job.log.warning(
        f"The additional {hook_text} will be ignored in a future version. To have it ignored now, start the agent with "
        "--strict-single-hooks, or with strict-single-hooks=true in its configuration file"
    )
    return True


def _tell_deprecated(job: RunningJob, plugin: CheckedOut, deprecated: "List[tuple[str, str]]") -> None:
    job.log.header(f"Deprecated environment variables for plugin {plugin.plugin.name}")
    job.log.plain(
        "Underscores in a row used to become one in the names of these variables. For now each is set under both "
        "names; keys without several underscores, hyphens or blanks in a row avoid that."
    )
    for old_name, new_name in deprecated:
        job.log.plain(f'deprecated: "{old_name}"')
        job.log.plain(f'replacement: "{new_name}"')
        job.log.plain("")
