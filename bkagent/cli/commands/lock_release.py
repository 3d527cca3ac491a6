"""`bkagent lock release KEY TOKEN`: give a lock back."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock release",
    unsupported.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY", "TOKEN"),
    description="Releases the lock that `lock acquire` acquired; TOKEN is what it printed.",
    example="bkagent lock release deploy $token",
    exact=True,
)
