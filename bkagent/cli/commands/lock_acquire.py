"""`bkagent lock acquire KEY`: wait for a lock that this machine's jobs share; print its token."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text, lock_call
from bkagent.config.kinds import duration_text
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED
from bkagent.errors import UsageError
from bkagent.remote.locks.lock_client import Terms
from bkagent.system import termination
from bkagent.wire import lock_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.remote.locks.lock_client import LockClient


def run(call: "Call") -> int:
    """Acquire it; return 1 for a wrong number of arguments."""
    return lock_call.run(call, "could not acquire lock", lambda client: _acquire(call, client))


def _acquire(call: "Call", client: "LockClient") -> None:
    key, token, terms, wait = (
        call.arguments[0],
        lock_call.token(),
        _terms(call),
        lock_call.wait(call, "it was not free"),
    )

    def work() -> None:
        client.acquire(key, token, terms, wait)
        job_text.write(call, token + "\n")

    # A caller that does not get to know the token could never release it.
    termination.run_or_undo(work, lambda: client.abandon(key, token))


def _terms(call: "Call") -> Terms:
    ttl_s, slots = call.settings[options.TTL_S], call.settings[options.SLOTS]
    if ttl_s < 0:
        raise UsageError(call.settings.invalid_value(options.TTL_S, "0s or longer", duration_text(ttl_s)))
    if not 1 <= slots <= lock_protocol.SLOTS_COUNT:
        legal = f"from 1 to {lock_protocol.SLOTS_COUNT}"
        raise UsageError(call.settings.invalid_value(options.SLOTS, legal, slots))
    ttl_ms = max(1, round(ttl_s * 1000)) if ttl_s else 0
    return Terms(ttl_ms, slots, call.settings[options.KEEP])


COMMAND = Command(
    "lock acquire",
    run,
    options=(*SHARED, *options.WAITING, options.TTL_S, options.SLOTS, options.KEEP),
    arguments=("KEY",),
    description="""Waits until the lock is free, acquires it, and prints the token that releases it.

A lock acquired in a job is released when that job ends, however it ends, unless --keep says otherwise. With --slots so
many may hold it at a time.""",
    example="token=$(bkagent lock acquire deploy)",
    exact=True,
)
