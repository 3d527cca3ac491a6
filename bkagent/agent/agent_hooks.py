"""The hooks that the agent runs itself, outside of any job: agent-startup, agent-shutdown and pre-bootstrap.

What they print goes to the agent's own messages. A pre-bootstrap hook judges a job, so it sees the files that
describe the job and never the job's variables as its own.
"""

from __future__ import annotations

import os
from typing import Callable, Dict, List, Mapping

from bkagent.agent.jobs import job_environment
from bkagent.agent.jobs.job_start import JobStart
from bkagent.agent.settings import JobSettings
from bkagent.config.options import agent, api, job, logging
from bkagent.config.variables import job_variables
from bkagent.errors import AgentError, JobFailed
from bkagent.hooks import find, kind
from bkagent.hooks.kind import HookKind
from bkagent.shell import process, programs
from bkagent.shell.cancellation import Cancellation
from bkagent.shell.launch import Launch
from bkagent.shell.words import split
from bkagent.wire.log_events import EventReport

STARTUP, SHUTDOWN, BEFORE_A_JOB = "agent-startup", "agent-shutdown", "pre-bootstrap"
# What a pre-bootstrap hook has of the job's variables.
_NAMES = frozenset((
    job_variables.ENV_FILE.name, job_variables.ENV_JSON_FILE.name, job_variables.ENDPOINT.name,
    job_variables.ACCESS_TOKEN.name, *api.NO_HTTP2.env, *logging.DEBUG.env, *api.DEBUG_HTTP.env,
))  # fmt: skip


def run_lifecycle_hooks(name: str, settings: JobSettings, sessions: Mapping[str, str], report: EventReport) -> None:
    """Run a hook of the agent's life from each folder that has it; `sessions` maps ids to names.

    Raises AgentError for the first that fails.
    """
    env = {
        **settings.environ, "BUILDKITE_AGENT_IDS": ",".join(sessions),
        "BUILDKITE_AGENT_NAMES": ",".join(sessions.values()),
    }  # fmt: skip
    for folder in filter(None, (settings[agent.HOOKS_PATH], *settings[agent.ADDITIONAL_HOOKS_PATHS])):
        path = find.find(folder, name)
        if path is None:
            _report_missing(folder, name, report)
        else:
            _run(path, name, settings, env, report)


def has_pre_bootstrap(folder: str) -> bool:
    """Return whether a folder of hooks has one that judges jobs."""
    return find.find(folder, BEFORE_A_JOB) is not None


def pre_bootstrap_allows(context: JobStart, report: EventReport) -> bool:
    """Say whether the pre-bootstrap hook lets a job run; without one every job may."""
    folder = context.settings[agent.HOOKS_PATH]
    path = find.find(folder, BEFORE_A_JOB)
    if path is None:
        _report_missing(folder, BEFORE_A_JOB, report)
        return True
    about = {row.name: text for row, text in job_environment.told(context) if row.name in _NAMES}
    env = {**context.settings.environ, **about, job.JOB.env[0]: context.job.id}
    try:
        _run(path, BEFORE_A_JOB, context.settings, env, report)
    except AgentError as refusal:
        report("error", f"job {context.job.id} is rejected: {refusal}", "job.rejected_by_hook")
        return False
    return True


def _report_missing(folder: str, name: str, report: EventReport) -> None:
    report("debug", f'Skipping {name} hook, no script in "{folder}"', "agent.hook_missing")


def _run(path: str, name: str, settings: JobSettings, env: Dict[str, str], report: EventReport) -> None:
    report("debug", f"Running {name} hook {path}", "agent.hook_running")
    lines = _Lines(lambda line: report("info", f"{name}: {line}", "agent.hook_output"))
    try:
        launch = Launch(_argv(path, settings[agent.HOOKS_SHELL], env), env, os.getcwd())
        ended = process.run(
            launch, lines.feed, Cancellation(),
            debug=lambda text: report("debug", f"{name}: {text}", "agent.hook_running"),
        )  # fmt: skip
    except (JobFailed, OSError, ValueError) as problem:
        raise AgentError(f"the {name} hook {path} could not be run: {problem}") from problem
    finally:
        lines.end()
    if ended.exit_code or ended.signal:
        ending = f"was ended by {ended.signal}" if ended.signal else f"exited with status {ended.exit_code}"
        raise AgentError(f"the {name} hook {path} {ending}")


def _argv(path: str, hooks_shell: str, env: Mapping[str, str]) -> List[str]:
    """Return what runs a hook: itself, the configured shell, or bash (sh without one) for a script with no `#!`."""
    nature = kind.read_kind(path)
    if nature.kind is HookKind.SHELL and hooks_shell:
        words = [*split(hooks_shell), path]
    elif nature.kind is HookKind.SHELL and not nature.shebang:
        words = ["bash" if programs.find("bash", env, os.getcwd()) else "sh", path]
    else:
        return [path]
    program = programs.find(words[0], env, os.getcwd())
    if program is None:
        raise AgentError(f"there is no program {words[0]} to run it with")
    return [program, *words[1:]]


class _Lines:
    """Cuts a stream into lines."""

    def __init__(self, report_line: Callable[[str], None]) -> None:
        self._report_line, self._rest = report_line, b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._report_line(line.decode("utf-8", "replace").rstrip("\r"))

    def end(self) -> None:
        if self._rest:
            self.feed(b"\n")
