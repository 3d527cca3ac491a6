"""Options of the commands about locks that the jobs of one machine share."""

from bkagent.config.kinds import DURATION, FLAG, WHOLE, Suggested
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
TTL_S = Option(
    "ttl", DURATION, 0.0, in_file=False,
    help="Release the lock by itself after this time, such as 10m; 0 for never.",
)  # fmt: skip
SLOTS = Option("slots", WHOLE, 1, in_file=False, help="How many may hold the lock at a time.")
KEEP = Option("keep", FLAG, False, in_file=False, help="Keep the lock when the job that holds it ends.")
KEEP_BEGUN = Option("keep", FLAG, False, in_file=False, help="Keep the work begun when the job that does it ends.")
JSON = Option("json", FLAG, False, in_file=False, help="Print JSON.")
LOCK = (SCOPE, SOCKETS_PATH)
WAITING = (*LOCK, WAIT_S)
