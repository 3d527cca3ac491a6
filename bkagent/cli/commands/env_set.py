"""`bkagent env set NAME=VALUE...`: set variables for the later hooks of the running job."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, job_env, job_text
from bkagent.config.options.job_env import SET_INPUT, SET_OUTPUT
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError
from bkagent.wire import go_decoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Set them all, or none."""
    choices.check(call, SET_INPUT)
    choices.check(call, SET_OUTPUT)
    api = job_env.job_api(call)
    changes: "Dict[str, str]" = {}
    for pairs in job_env.inputs(call, _pair if call.settings[SET_INPUT] == "plain" else _object):
        changes.update(pairs)  # type: ignore[call-overload]
    try:
        answer = api.request("PATCH", "/env", {"env": changes})
    except AgentError as error:
        raise AgentError(f"couldn't update the job executor environment: {error}") from error
    _print(call, answer.get("added") or [], answer.get("updated") or [])
    return 0


def _pair(text: str) -> object:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError(f'"{text}" is not in key=value format')
    return {name: value}


def _object(text: str) -> object:
    return go_decoding.string_map(go_decoding.loads(text))


def _print(call: "Call", added: "List[str]", updated: "List[str]") -> None:
    form = call.settings[SET_OUTPUT]
    if form == "quiet":
        return
    if form != "plain":
        text = job_text.as_json({"added": added, "updated": updated}, pretty=form == "json-pretty")
        job_text.write(call, text + "\n")
        return
    lines = ["Added:", *(f"+ {name}" for name in added)] if added else []
    lines += ["Updated:", *(f"~ {name}" for name in updated)] if updated else []
    job_text.write(call, "\n".join(lines or ["No variables added or updated."]) + "\n")


COMMAND = Command(
    "env set",
    run,
    options=(*SHARED, SET_INPUT, SET_OUTPUT),
    arguments=("[NAME=VALUE]...",),
    description=(
        "Sets variables for the rest of the running job, after the current hook or command.\n"
        'The argument "-" stands for standard input, where each line is an assignment.'
    ),
    example="bkagent env set DEPLOY_TARGET=staging",
)
