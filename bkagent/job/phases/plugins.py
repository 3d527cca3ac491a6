"""Get the plugins of a step, and run their `environment` hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List

from bkagent.errors import JobFailed
from bkagent.job.job import RunningJob
from bkagent.job.phases import hooks

if TYPE_CHECKING:
    from bkagent.plugins.checkout import CheckedOut, Wishes


def run(job: RunningJob) -> None:
    """Load the plugins that are not in the job's own repository. Raises JobFailed, Cancelled."""
    if not job.settings.plugins:
        job.log.debug("Skipping plugin phase")
        return
    # Loaded here: most jobs have no plugins.
    from bkagent.plugins import checkout, parse
    from bkagent.plugins.location import BadPlugins

    job.log.header("Preparing plugins")
    job.log.debug(f"Plugin JSON is {job.settings.plugins}")
    _refuse(job)
    try:
        job.plugins = parse.parse(job.settings.plugins)
    except BadPlugins as problem:
        raise JobFailed(f"failed to parse a plugin definition: {problem}", 1) from None
    job.log.debug(f"Parsed {len(job.plugins)} plugins")
    wishes = _wishes(job)
    checkouts: "Dict[str, CheckedOut]" = {}
    loaded: "List[CheckedOut]" = []
    for plugin in job.plugins:
        if plugin.vendored:
            job.log.debug(f"Skipping vendored plugin {plugin.name}")
            continue
        # The same plugin may be asked for several times, each time told something else.
        if plugin.label not in checkouts:
            checkouts[plugin.label] = checkout.check_out(job.session, plugin, wishes)
        loaded.append(checkouts[plugin.label].serving(plugin))
        _validate(job, loaded[-1])
    _load(job, loaded)


def run_vendored(job: RunningJob) -> None:
    """Load the plugins of the job's repository, now that it is checked out. Raises JobFailed, Cancelled."""
    vendored = [plugin for plugin in job.plugins if plugin.vendored]
    if not vendored:
        return
    from bkagent.plugins import checkout

    loaded = [checkout.find_vendored(job.hooks_root, plugin) for plugin in vendored]
    for plugin_checkout in loaded:
        _validate(job, plugin_checkout)
    _load(job, loaded)


def _refuse(job: RunningJob) -> None:
    settings = job.settings
    if settings.plugins_enabled:
        return
    option = "no-plugins"
    if not settings.local_hooks_enabled:
        option = "no-local-hooks"
    elif not settings.command_eval:
        option = "no-command-eval"
    raise JobFailed(f"plugins have been disabled on this agent with `--{option}`", 1)


def _wishes(job: RunningJob) -> "Wishes":
    from bkagent.checkout import host_keys
    from bkagent.checkout.work import Work
    from bkagent.plugins.checkout import Wishes

    settings = job.refreshed.checkout
    work = Work(job.session, settings, job.temporary.append)
    return Wishes(
        path=job.settings.plugins_path, agent_name=job.settings.agent_name,
        always_fresh=job.refreshed.always_fresh_plugins, submodules=settings.submodules,
        learn_host=lambda repository: host_keys.add_host_keys(work, repository),
        zips="zip-plugins" in job.settings.experiments, remove_later=job.temporary.append,
    )  # fmt: skip


def _validate(job: RunningJob, plugin_checkout: "CheckedOut") -> None:
    if job.settings.plugins_validated:
        from bkagent.plugins import definition

        definition.validate(job.session, plugin_checkout)


def _load(job: RunningJob, loaded: "List[CheckedOut]") -> None:
    job.loaded.extend(loaded)
    hooks.run_plugins(job, "environment", loaded)
