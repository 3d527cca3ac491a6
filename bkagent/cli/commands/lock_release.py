"""`bkagent lock release KEY TOKEN`: give a lock back."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import lock_call
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Release it; return 1 for a wrong number of arguments."""
    return lock_call.run(
        call, "could not release lock", lambda client: client.release(call.arguments[0], call.arguments[1])
    )


COMMAND = Command(
    "lock release",
    run,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY", "TOKEN"),
    description="Releases the lock that `lock acquire` acquired; TOKEN is what it printed.",
    example="bkagent lock release deploy $token",
    exact=True,
)
