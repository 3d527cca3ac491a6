"""`bkagent lock done KEY`: end work that is done once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock done",
    unsupported.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="Ends the work that `lock do` began; the jobs that wait for it continue.",
    example="bkagent lock done setup",
    exact=True,
)
