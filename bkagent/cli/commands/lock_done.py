"""`bkagent lock done KEY`: end work that is done once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock done",
    "Say that the work of lock do is done",
    unsupported.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="Ends what `lock do` began: the jobs that wait for it go on.",
    example="bkagent lock done setup",
    exact=True,
)
