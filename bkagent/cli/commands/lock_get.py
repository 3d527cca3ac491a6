"""`bkagent lock get KEY`: print what a lock is."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock get",
    unsupported.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="Prints the state of a lock: an empty line if it is free.",
    example="bkagent lock get deploy",
    exact=True,
)
