"""`bkagent lock list`: print who holds which lock since when."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text, lock_call
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.remote.locks.lock_client import LockClient


def run(call: "Call") -> int:
    """Print them; return 1 for a wrong number of arguments."""
    return lock_call.run(call, "could not list locks", lambda client: _print(call, client))


def _print(call: "Call", client: "LockClient") -> None:
    locks = client.locks()
    if call.settings[options.JSON]:
        import json

        # ASCII alone: a key may have bytes that are not UTF-8.
        job_text.write(call, json.dumps(locks, indent=2) + "\n")
        return
    from bkagent.cli.pages import locks_view

    job_text.write(call, "".join(line + "\n" for line in locks_view.table(locks)))


COMMAND = Command(
    "lock list",
    run,
    options=(*SHARED, *options.LOCK, options.JSON),
    description="""Prints a line for each holder of a lock: its process, job and agent, and since when it has held it.

WAITING is how many commands wait for the lock. While an agent of another kind leads, locks cannot be listed.""",
    example="bkagent lock list",
    exact=True,
)
