"""What the commands about locks share: their client, the lock's holder, and their errors. On the short path."""

import os

from bkagent.cli.in_job import choices
from bkagent.config import paths
from bkagent.config.kinds import duration_text
from bkagent.config.options import job
from bkagent.config.options import locks as options
from bkagent.config.options.sockets import SOCKETS_PATH
from bkagent.errors import AgentError, UsageError
from bkagent.remote.locks.leader import LeaderMissing, Wait
from bkagent.remote.locks.lock_client import HolderDetails, LockClient
from bkagent.system import file_lock
from bkagent.wire import lock_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

    from bkagent.cli.command import Call

_ALIVE = "alive"  # as in spool.layout, which would load `re`


def run(call: "Call", failure: str, work: "Callable[[LockClient], None]") -> int:
    """Check the call and run the work; return the exit status. `failure` begins the sentence of an error."""
    if len(call.arguments) != len(call.command.arguments):
        from bkagent.cli.pages import help, layout
        from bkagent.version import program_name

        page = help.page(call.command, layout.width(call.err, call.environ), call.environ, program_name())
        call.err.write("\n".join(page) + "\n")
        return 1
    choices.check(call, options.SCOPE)
    if call.arguments and not call.arguments[0]:
        raise UsageError("the key of a lock cannot be empty")
    client = LockClient(paths.expand(call.settings[SOCKETS_PATH], call.environ), holder(call.environ))
    try:
        work(client)
    except LeaderMissing as error:
        raise AgentError(
            f"could not connect to Agent API: {error}\n"
            "this command needs an agent on this machine that was started with --agent-api"
        ) from error
    except UsageError:
        raise
    except AgentError as error:
        raise AgentError(f"{failure}: {error}") from error
    return 0


def wait(call: "Call", unmet: str) -> Wait:
    """Return how long the command may wait, from now on; `unmet` as in Wait. Raises UsageError."""
    limit_s = call.settings[options.WAIT_S]
    if limit_s < 0:
        raise UsageError(call.settings.invalid_value(options.WAIT_S, "0s or longer", duration_text(limit_s)))
    return Wait(limit_s, unmet)


def token() -> str:
    """Return a new token: the value of a mutex that this process holds."""
    return lock_protocol.token(os.getpid(), os.urandom(16))


def holder(environ: "Mapping[str, str]") -> HolderDetails:
    """Return who takes a lock here: this process, and its job if this is one."""
    return HolderDetails(
        os.getpid(), environ.get(job.JOB.env[0], ""), environ.get(job.AGENT_NAME_VARIABLE, ""), _alive_path(environ)
    )


def _alive_path(environ: "Mapping[str, str]") -> str:
    """Return the lock that the process of this job holds until it ends; "" outside jobs."""
    env_file = environ.get(job.ENV_FILE_VARIABLE, "")
    if not os.path.isabs(env_file):
        return ""
    path = os.path.join(os.path.dirname(env_file), _ALIVE)
    try:
        return path if file_lock.is_held(path) else ""
    except OSError:
        return ""
