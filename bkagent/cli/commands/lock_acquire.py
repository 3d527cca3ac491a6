"""`bkagent lock acquire KEY`: wait for a lock that this machine's jobs share; print its token."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import unsupported
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock acquire",
    unsupported.refuse_lock,
    options=(*SHARED, *options.WAITING),
    arguments=("KEY",),
    description="Waits until the lock is free, acquires it, and prints the token that releases it.",
    example="token=$(bkagent lock acquire deploy)",
    exact=True,
)
