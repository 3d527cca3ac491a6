"""Options of the commands about locks that the jobs of one machine share."""

from bkagent.config.kinds import DURATION, Suggested
from bkagent.config.option import Option
from bkagent.config.options.sockets import SOCKETS_PATH

SCOPE = Option(
    "lock-scope",
    Suggested("machine"),
    "machine",
    env=("BUILDKITE_LOCK_SCOPE",),
    help="Scope of the lock; machine is the only one.",
)
WAIT_S = Option(
    "lock-wait-timeout",
    DURATION,
    0.0,
    env=("BUILDKITE_LOCK_WAIT_TIMEOUT",),
    help="Timeout, such as 90s; 0 to wait for ever.",
)
LOCK = (SCOPE, SOCKETS_PATH)
WAITING = (*LOCK, WAIT_S)
