"""`bkagent lock done KEY`: end work that is done once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import lock_call
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Mark the work as done; return 1 for a wrong number of arguments."""
    return lock_call.run(call, "couldn't complete do-once lock", lambda client: client.finish(call.arguments[0]))


COMMAND = Command(
    "lock done",
    run,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="Ends the work that `lock do` began; the jobs that wait for it continue.",
    example="bkagent lock done setup",
    exact=True,
)
