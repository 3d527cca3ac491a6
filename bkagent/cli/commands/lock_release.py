"""`bkagent lock release KEY TOKEN`: give a lock back."""

from bkagent.cli import not_yet
from bkagent.cli.command import Command
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

COMMAND = Command(
    "lock release",
    "Release a lock",
    not_yet.refuse_lock,
    options=(*SHARED, *options.LOCK),
    arguments=("KEY", "TOKEN"),
    description="Releases the lock that `lock acquire` took; TOKEN is what that printed.",
    example="bkagent lock release deploy $token",
    exact=True,
)
