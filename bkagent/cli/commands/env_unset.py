"""`bkagent env unset NAME...`: remove variables from the running job."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, job_env, job_text
from bkagent.config.options.job_env import UNSET_INPUT, UNSET_OUTPUT
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError
from bkagent.wire import go_decoding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

    from bkagent.cli.command import Call


def run(call: "Call") -> int:
    """Remove them all, or none; unknown names do no harm."""
    choices.check(call, UNSET_INPUT)
    choices.check(call, UNSET_OUTPUT)
    api = job_env.job_api(call)
    names: "List[str]" = []
    for some in job_env.inputs(call, _name if call.settings[UNSET_INPUT] == "plain" else _array):
        names += some  # type: ignore[arg-type]
    try:
        answer = api.request("DELETE", "/env", {"keys": names})
    except AgentError as error:
        raise AgentError(f"couldn't unset the job executor environment variables: {error}") from error
    _print(call, answer.get("deleted") or [])
    return 0


def _name(text: str) -> object:
    return [text]


def _array(text: str) -> object:
    names = go_decoding.loads(text)
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("it must be a JSON array of names")
    return names


def _print(call: "Call", unset: "List[str]") -> None:
    form = call.settings[UNSET_OUTPUT]
    if form == "quiet":
        return
    if form != "plain":
        job_text.write(call, job_text.as_json(unset, pretty=form == "json-pretty") + "\n")
        return
    lines = ["Unset:", *(f"- {name}" for name in unset)] if unset else ["No variables unset."]
    job_text.write(call, "\n".join(lines) + "\n")


COMMAND = Command(
    "env unset",
    run,
    options=(*SHARED, UNSET_INPUT, UNSET_OUTPUT),
    arguments=("[NAME]...",),
    description=(
        "Removes variables for the rest of the running job, after the current hook or command.\n"
        'The argument "-" stands for standard input, where each line is a name.'
    ),
    example="bkagent env unset DEPLOY_TARGET",
)
