"""`bkagent lock do KEY`: begin work that is done once."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_text, lock_call
from bkagent.config.options import locks as options
from bkagent.config.options.logging import SHARED
from bkagent.system import termination

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.remote.locks.lock_client import LockClient


def run(call: "Call") -> int:
    """Print "do" or "done"; return 1 for a wrong number of arguments."""
    return lock_call.run(call, "couldn't start do-once lock", lambda client: _begin(call, client))


def _begin(call: "Call", client: "LockClient") -> None:
    key, token, wait = call.arguments[0], lock_call.token(), lock_call.wait(call, "the work was not done")

    def work() -> None:
        must_do = client.begin(key, token, call.settings[options.KEEP_BEGUN], wait)
        job_text.write(call, "do\n" if must_do else "done\n")

    # A caller that does not get to know that it must do the work would leave the others waiting.
    termination.run_or_undo(work, lambda: client.abandon(key, token))


COMMAND = Command(
    "lock do",
    run,
    options=(*SHARED, *options.WAITING, options.KEEP_BEGUN),
    arguments=("KEY",),
    description="""Prints do for the one job that must do the work, and done for the others once the work is done.

When a job that was told to do the work ends without `lock done`, the next one is told to do it, unless --keep says
otherwise.""",
    example='if [ "$(bkagent lock do setup)" = do ]; then ./setup.sh; bkagent lock done setup; fi',
    exact=True,
)
