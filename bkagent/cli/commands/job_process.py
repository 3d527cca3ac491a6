"""`bkagent job-process [ENTRY]`: run one job from its spool entry. Started by the agent, not by people.

Without an entry it waits, warm, for its agent to name the entries; each is run by a fork of it.
"""

import gc
import os
import sys

from bkagent.cli.command import Call, Command
from bkagent.config.sources import environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def run(call: Call) -> int:
    """Run the job; end by the signal that cancelled it, where one did."""
    return _run(call.arguments[0], call.environ) if call.arguments else serve()


def serve() -> int:
    """Be the warm process; in each of its forks, run the job."""
    gc.disable()  # until all is loaded, of which nothing is garbage
    from bkagent.job import warm_process

    request = warm_process.serve()
    gc.enable()
    if request is None:
        os._exit(0)  # nothing is left to be done, and taking the warmth apart takes time
    environment.replace(request.env, for_libraries=True)
    return _run(request.words[0], request.env)


def _run(entry_folder: str, environ: "Mapping[str, str]") -> int:
    from bkagent.cli import defects
    from bkagent.job import handed_secrets
    from bkagent.job.process import JobProcess
    from bkagent.spool import layout
    from bkagent.system import console, exit_status, process_start, signals
    from bkagent.system.fork_server import fork_server

    process = JobProcess(entry_folder, environ)

    def leave(defect: BaseException) -> str:
        from bkagent.cli import crash_report

        known = crash_report.scrub_for([], (), environ, None)
        return crash_report.leave(
            defect, [COMMAND.name, entry_folder], lambda: layout.state_of(entry_folder),
            lambda text: process.scrub(known(text)),
        )  # fmt: skip

    defects.follow(leave, _tell_agent)
    signals.catch_endings(process.cancel)
    console.use_utf8()
    process_start.use_absolute_paths()
    process.prepare()
    secrets = handed_secrets.take()
    if secrets is None:
        os._exit(0)
    ending = process.run(secrets)
    fork_server.report_modules()
    if ending.signal:
        signals.die_by(ending.signal)
    # All is on disk, and the agent goes on already: no time for the interpreter to tidy up.
    os._exit(exit_status.signed(ending.exit_status))


def _tell_agent(line: str) -> None:
    """Write a line where the agent reads it, and where it is in no job's log: see `layout.STDERR`."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


COMMAND = Command(
    name="job-process", arguments=("ENTRY",),
    example="bkagent job-process ~/.buildkite-agent/bkagent/spool/01900000-0000-7000-8000-000000000001", run=run,
)  # fmt: skip
