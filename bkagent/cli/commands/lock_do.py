"""`bkagent lock do KEY`: begin work that is done once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock do",
    unsupported.refuse_lock,
    options=(*SHARED, *options.WAITING),
    arguments=("KEY",),
    description="Prints do for the one job that must do the work, and done for the others once the work is done.",
    example='if [ "$(bkagent lock do setup)" = do ]; then ./setup.sh; bkagent lock done setup; fi',
    exact=True,
)
