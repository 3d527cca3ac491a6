"""`bkagent job-process ENTRY`: run one job from its spool entry. Started by the agent, not by people."""

from bkagent.cli.command import Call, Command
from bkagent.errors import UsageError


def run(call: Call) -> int:
    """Run the job; end by the signal that cancelled it, where one did."""
    if len(call.arguments) != 1:
        raise UsageError("job-process takes one argument, the folder of a spool entry")
    from bkagent.job.process import JobProcess
    from bkagent.system import signals

    process = JobProcess(call.arguments[0], call.environ)
    signals.catch_endings(process.cancel)
    ending = process.run()
    if ending.signal:
        signals.die_by(ending.signal)
    return ending.exit_status


COMMAND = Command(
    name="job-process", summary="Run one job from its spool entry", arguments=("ENTRY",),
    example="bkagent job-process ~/.buildkite-agent/bkagent/spool/01900000-0000-7000-8000-000000000001", run=run,
)  # fmt: skip
