"""`bkagent spool flush`: deliver now what agents have left in the spool, without starting one."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import spool
from bkagent.version import program_name


def run(call: Call) -> int:
    """Deliver what can be delivered; return 1 when something is left."""
    from bkagent.agent.jobs.flush import flush
    from bkagent.agent.settings import AgentSettings, JobSettings
    from bkagent.agent.shutdown import Shutdown
    from bkagent.cli import defects
    from bkagent.cli.pages import spool_view
    from bkagent.cli.start import signals
    from bkagent.config.settings import defaults

    defects.follow_call(call)
    options = defaults(spool.OF_THE_AGENT)
    settings = AgentSettings(
        options, JobSettings(options, ""), token="", state_path=spool_view.state_path(call), environ=call.environ,
        is_verbose=call.report.is_debug,
    )  # fmt: skip
    stop = Shutdown()
    signals.follow(stop, call.report)
    left = flush(settings, stop, call.report, call.settings[spool.WITHIN])
    if left:
        what = "jobs are" if left > 1 else "job is"
        call.report("warn", f"{left} {what} still in the spool; see `{program_name()} spool list`")
    return 1 if left else 0


COMMAND = Command(
    "spool flush",
    run,
    options=(*spool.SHARED, spool.WITHIN),
    description="""Sends the logs and results of finished jobs that no agent is delivering, as the next `bkagent
start` would, and exits. Running jobs are left alone. What cannot be delivered stays; the exit status is 1
then.""",
    example="bkagent spool flush --within 5m",
    reads_file=True,
    file_options=spool.OF_THE_AGENT,
)
