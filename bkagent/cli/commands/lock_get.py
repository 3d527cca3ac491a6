"""`bkagent lock get KEY`: print what a lock is."""

from bkagent.cli import not_yet
from bkagent.cli.command import Command
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock get",
    "Print the state of a lock",
    not_yet.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY",),
    description="Prints the state of a lock: an empty line when nobody holds it.",
    example="bkagent lock get deploy",
    exact=True,
)
