"""`bkagent start`: register with a control plane and run its jobs until told to stop."""

from __future__ import annotations

import gc
import os
import sys

from bkagent.cli.command import Call, Command
from bkagent.config.options import agent, api, job_logs, logging, session
from bkagent.config.options.job import REDACTED_VARS
from bkagent.config.sources import environment, token_source
from bkagent.version import FULL_VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional

    from bkagent.agent.output.stdout_follower import OpenOutput
    from bkagent.agent.settings import AgentSettings
    from bkagent.agent.shutdown import Shutdown
    from bkagent.redaction.known import KnownSecrets
    from bkagent.wire.log_events import EventReport

    # Lets something outside raise the stop of an agent from now on.
    Follow = Callable[[Shutdown, EventReport], None]

# A control plane nearby has registered all workers by then; while a distant one does so, the rest is loaded.
_HEAD_START_S = 0.05


def run(call: Call, follow: "Optional[Follow]" = None) -> int:
    """Run the agent, which `follow` may stop, by default signals. Returns what `agent.run` returns."""
    # Here and not above, so that a help page loads nothing but options.
    from bkagent.cli import defects
    from bkagent.cli.start import token_hiding

    gc.disable()  # until all is loaded, of which nothing is garbage
    token_hiding.hide(call, sys.argv[1:])
    defects.follow_call(call)
    token_source.keep_from_children(call.settings[api.TOKEN])
    return _run(call, follow)


def _run(call: Call, follow: "Optional[Follow]") -> int:
    from bkagent.cli.start import agent_settings, inherited_env
    from bkagent.errors import AgentError
    from bkagent.redaction.known import KnownSecrets
    from bkagent.redaction.variables import values_of

    settings = agent_settings.build(call)
    secrets = values_of(call.environ, call.settings[REDACTED_VARS])
    known = KnownSecrets((settings.token, *secrets.values))
    environment.forget(inherited_env.names(COMMAND))
    try:
        return _run_agent(call, settings, known, follow)
    except AgentError as error:
        if known.scrub(str(error)) != str(error):  # it may quote what a server answered
            error.args = (known.scrub(str(error)),)
        raise


def _run_agent(call: Call, settings: "AgentSettings", known: "KnownSecrets", follow: "Optional[Follow]") -> int:
    from bkagent.agent.begin import begin
    from bkagent.agent.shutdown import Shutdown
    from bkagent.cli import defects
    from bkagent.cli.start import agent_settings, containers, signals

    defects.follow_call(call, known.scrub)

    def report(level: str, text: str, event: str = "") -> None:
        call.report(level, known.scrub(text), event)

    text = f"Starting bkagent, as buildkite-agent v{FULL_VERSION}, with PID: {os.getpid()}"
    call.report("notice", text, "agent.starting")
    if call.settings[session.CONFIG]:
        call.report("info", f"Configuration loaded path={call.settings[session.CONFIG]}", "config.loaded")
    for sentence in agent_settings.places(settings):
        report("debug", sentence, "config.path")
    about_containers = containers.warnings(settings.job.options, call.environ, settings.state_path)
    for sentence in [*agent_settings.warnings(call.settings), *about_containers]:
        report("warn", sentence, "config.warning")
    _make_build_folder(settings.job[agent.BUILD_PATH], call)
    stop, following = Shutdown(), None
    if follow is not None:
        follow(stop, report)
    else:
        following = signals.follow(stop, report)
        report("info", "You can press Ctrl-C to stop the agent", "agent.stop_hint")
    with begin(settings, stop, report) as registering:
        registering.wait(_HEAD_START_S)
        from bkagent.cli import main
        from bkagent.cli.start import warm_process

        warm = warm_process.begin(call, registering, following)
        main.load_together("agent")
        from bkagent.agent.run import run as run_agent

        open_output = _job_output(call) if settings.job[job_logs.TO_STDOUT] else None
        gc.freeze()
        gc.enable()
        try:
            return run_agent(settings, registering, stop, report, warm, open_output, known)
        finally:
            warm.close()


def _job_output(call: Call) -> "OpenOutput":
    from bkagent.cli.start.job_output import JsonOutput, TextOutput

    out = call.out.buffer
    if call.settings[logging.LOG_FORMAT] == "json":
        return lambda fields: JsonOutput(out, fields)
    return lambda fields: TextOutput(out)


def _make_build_folder(path: str, call: Call) -> None:
    from bkagent.errors import ConfigError

    if os.path.isdir(path):
        return
    call.report("info", f"Build Path doesn't exist, creating it ({path})", "config.build_path_created")
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"build-path must be a folder, but {path} cannot be made: {error.strerror}") from None


COMMAND = Command(
    "start",
    run,
    options=agent.START,
    description="""Registers one agent, or --spawn of them, and runs the jobs that the control plane hands out, one at
a time each, until it is stopped.

The first SIGTERM or SIGINT lets the running jobs finish; the second cancels them; the third kills them.
SIGQUIT cancels at once. Logs and results that the control plane has not accepted stay in the state folder, and the
next start sends them.

Every user of the machine can read command lines. A token given by --token is removed from this one as soon as
Python runs, some ten milliseconds after the start. It is better kept in a file
(--token file:///etc/bkagent/token, or token= in the configuration file), or passed by a descriptor
(--token fd://3) or in BUILDKITE_AGENT_TOKEN, which only this user and root can read.""",
    example="bkagent start --token file:///etc/bkagent/token --queue linux --build-path /var/lib/bkagent/builds",
    reads_file=True,
)
