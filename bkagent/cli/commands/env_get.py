"""`bkagent env get [NAME]...`: print variables of the running job, as they are now."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import job_env, job_text
from bkagent.config.options.job_env import GET_FORMAT
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Print them; exit with 1 when one that was asked for is not set."""
    api = job_env.job_api(call)
    try:
        env = api.request("GET", "/env").get("env")
    except AgentError as error:
        raise AgentError(f"couldn't fetch the job executor environment variables: {error}") from error
    if not isinstance(env, dict):
        raise AgentError("the job's local socket answered without an environment")
    names = [job_text.sendable(name) for name in call.arguments] or list(env)
    missing = [name for name in names if name not in env]
    for name in missing:
        call.report("warn", f'"{name}" is not set')
    _print(call, {name: env[name] for name in sorted(names) if name in env}, bare=len(call.arguments) == 1)
    return 1 if missing else 0


def _print(call: "Call", variables: "Dict[str, str]", bare: bool) -> None:
    form = call.settings[GET_FORMAT]
    if form == "plain":
        lines = variables.values() if bare else [f"{name}={value}" for name, value in variables.items()]
        job_text.write(call, "".join(line + "\n" for line in lines))
    elif form in ("json", "json-pretty"):
        job_text.write(call, job_text.as_json(variables, pretty=form == "json-pretty") + "\n")
    else:
        call.report("error", f'invalid output format "{form}": must be plain, json or json-pretty')


COMMAND = Command(
    "env get",
    run,
    options=(*SHARED, GET_FORMAT),
    arguments=("[NAME]...",),
    description=(
        "Prints variables of the running job as later hooks will see them: the bare value for one name,\n"
        "NAME=value lines for several, all variables without a name."
    ),
    example="bkagent env get DEPLOY_TARGET",
)
