"""Options of the commands about locks that the jobs of one machine share."""

from bkagent.config.kinds import DURATION, Suggested
from bkagent.config.option import Option
from bkagent.config.options.sockets import SOCKETS_PATH

SCOPE = Option(
    "lock-scope",
    Suggested("machine"),
    "machine",
    env=("BUILDKITE_LOCK_SCOPE",),
    help="Who shares the lock; machine is the only scope there is.",
)
WAIT_S = Option(
    "lock-wait-timeout",
    DURATION,
    0.0,
    env=("BUILDKITE_LOCK_WAIT_TIMEOUT",),
    help="Longest time to wait, such as 90s; 0 is for ever.",
)
LOCK = (SCOPE, SOCKETS_PATH)
WAITING = (*LOCK, WAIT_S)
