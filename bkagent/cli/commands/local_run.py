"""`bkagent local run [FILE]`: run the pipeline of the repository one stands in, on this machine."""

import os

from bkagent.cli.command import Call, Command
from bkagent.config.options import agent, local_run, logging
from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from bkagent.config.settings import Settings
    from bkagent.localrun.options import RunRequest
    from bkagent.localrun.run import LocalRun
    from bkagent.wire.log_events import EventReport


def run(call: Call) -> int:
    """Run it; return the exit status of the first job that failed, or 0."""
    from bkagent.cli import defects
    from bkagent.localrun.run import LocalRun

    defects.follow_call(call)

    def out(line: str) -> None:
        call.out.write(line + "\n")
        call.out.flush()

    running = LocalRun(_request(call), out, _quiet(call))
    _follow_signals(running)
    return running.run()


def _request(call: Call) -> "RunRequest":
    from bkagent.config import paths
    from bkagent.config.launching import self_command
    from bkagent.localrun.options import RunRequest

    settings = call.settings
    state_path = paths.state_path(call.environ)
    count = settings[local_run.AGENTS]
    if count < 0:
        legal = "1 or more, or 0 for the number of processors"
        raise UsageError(settings.invalid_value(local_run.AGENTS, legal, count))
    return RunRequest(
        folder=os.getcwd(),
        file=call.arguments[0] if call.arguments else "",
        data=paths.expand(settings[local_run.DATA], call.environ),
        step=settings[local_run.STEP],
        agents_count=count or os.cpu_count() or 1,
        committed=settings[local_run.COMMITTED],
        env=_variables(settings),
        environ=_inherited(call.environ),
        shell=agent.default_shell(call.environ),
        launchers_path=self_command.launcher_folder(state_path),
        sockets_path=os.path.join(state_path, "sockets"),
        terminal=call.out.isatty(),
        coloured=call.out.isatty() and not (settings[logging.NO_COLOR] or call.environ.get("NO_COLOR")),
    )


def _variables(settings: "Settings") -> "Dict[str, str]":
    variables = {}
    for item in settings[local_run.ENV]:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise UsageError(settings.invalid_value(local_run.ENV, "NAME=VALUE", item))
        variables[name] = value
    return variables


def _inherited(environ: "Dict[str, str]") -> "Dict[str, str]":
    """Return what jobs inherit: not the variables of an outer job, nor of an outer git."""
    own = ("BUILDKITE", "GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
    return {name: text for name, text in environ.items() if not name.startswith(own)}


def _quiet(call: Call) -> "EventReport":
    """Return a report that leaves out what agents say about ordinary work, unless --debug asks for it."""
    talkative = call.settings[logging.DEBUG]

    def report(level: str, text: str, event: str = "") -> None:
        if talkative or level in ("warn", "error", "fatal"):
            call.report(level, text, event)

    return report


def _follow_signals(running: "LocalRun") -> None:
    """Let Ctrl-C and SIGTERM cancel the jobs, and a second one kill them. Handlers run on the main thread."""
    import signal
    import threading

    def interrupted(_number: int, _frame: object) -> None:
        # On a thread of its own: the handler may have stopped the main thread anywhere, a lock in its hands.
        threading.Thread(target=running.interrupt, name="interrupt", daemon=True).start()

    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)


COMMAND = Command(
    name="local run",
    description="Runs the working tree: uncommitted and untracked files included, ignored ones not. "
    "Logs and artifacts are kept under .bkagent/. On a terminal it also prints a link that logs in to the build's "
    "page during the run.",
    arguments=("[FILE]",),
    options=(*logging.SHARED, *local_run.LOCAL_RUN),
    example="bkagent local run --step tests --env VERBOSE=1",
    run=run,
)
