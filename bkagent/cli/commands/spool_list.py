"""`bkagent spool list`: name the jobs whose logs and results are still on this machine."""

from bkagent.cli.command import Call, Command
from bkagent.config.options import spool


def run(call: Call) -> int:
    """Print a line for each job; return 0."""
    from bkagent.cli.pages import spool_view
    from bkagent.spool import listing

    state_path = spool_view.state_path(call)
    jobs = listing.list_jobs(state_path)
    if call.settings[spool.JSON]:
        import json

        call.out.write(json.dumps([spool_view.document(job) for job in jobs], indent=2) + "\n")
    elif jobs:
        call.out.write("".join(line + "\n" for line in spool_view.table(jobs)))
    else:
        call.out.write(f"nothing in {state_path}\n")
    return 0


COMMAND = Command(
    "spool list",
    run,
    options=(*spool.SHARED, spool.JSON),
    description="""A job is in the spool from its start until the control plane has accepted its log and its result.

running: its process lives. waiting: it has ended, and its control plane has not accepted everything. lost: its process
was killed. starting: its process has not begun. damaged: its files cannot be read. foreign: no agent has made it, so it
has no effect. kept: the control plane has refused it for good, or it was foreign; it is no longer delivered.""",
    example="bkagent spool list",
    reads_file=True,
    file_options=spool.OF_THE_AGENT,
)
