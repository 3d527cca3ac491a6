"""`bkagent lock get KEY`: print what a lock is."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text, lock_call
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print the state; return 1 for a wrong number of arguments."""
    return lock_call.run(
        call,
        "couldn't get lock state",
        lambda client: job_text.write(call, client.state(call.arguments[0]) + "\n"),
    )


COMMAND = Command(
    "lock get",
    run,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="""Prints the state of a lock: an empty line if it is free, the token of its holder, doing or done.

For a lock acquired with --slots this is slots(N/M): N of M slots are taken.""",
    example="bkagent lock get deploy",
    exact=True,
)
