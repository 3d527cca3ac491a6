"""`bkagent workdir set PATH`: choose the folder in which the rest of the job runs."""

import os
import stat

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, job_env, job_text
from bkagent.config.options.logging import SHARED
from bkagent.config.options.workdir import OUTPUT
from bkagent.errors import AgentError, UsageError
from bkagent.wire.go_reason import reason_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Tell the job's process, which goes there when the present hook has ended."""
    if len(call.arguments) != 1:
        raise UsageError(f"expected exactly one argument (the working directory), got {len(call.arguments)}")
    form = call.settings[OUTPUT]
    choices.check(call, OUTPUT)
    path = os.path.abspath(call.arguments[0])
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise AgentError(f'checking working directory "{path}": stat {path}: {reason_of(error)}') from error
    if not stat.S_ISDIR(mode):
        raise AgentError(f'working directory "{path}" is not a directory')
    api = job_env.job_api(call)
    try:
        chosen = str(api.request("PUT", "/workdir", {"workdir": job_text.sendable(path)}).get("workdir", path))
    except AgentError as error:
        raise AgentError(f"couldn't set the working directory: {error}") from error
    if form == "plain":
        job_text.write(call, chosen + "\n")
    elif form == "json":
        job_text.write(call, job_text.as_json({"workdir": chosen}) + "\n")
    return 0


COMMAND = Command(
    "workdir set",
    run,
    options=(*SHARED, OUTPUT),
    arguments=("PATH",),
    description=(
        "Changes the working directory of later hooks and the command, for hooks that are programs. A hook that is a\n"
        "shell script just uses cd."
    ),
    example="bkagent workdir set services/api",
    exact=True,
)
