"""`bkagent secret get KEY...`: print secrets of the job's cluster."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices, client, job_text, redact_before_print
from bkagent.config.options import secrets as options
from bkagent.config.options.job import JOB
from bkagent.errors import AgentError, UsageError
from bkagent.remote.commands import secrets
from bkagent.transport import retry
from bkagent.wire import go_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List

    from bkagent.cli.command import Call

AT_ONCE_COUNT = 10


def run(call: "Call") -> int:
    """Fetch all of them, keep them out of the job's log, print them."""
    keys = [job_text.sendable(word) for word in call.arguments]
    if not keys:
        raise UsageError("secret get needs the key of a secret")
    form = call.settings[options.FORMAT]
    choices.check(call, options.FORMAT)
    values = _fetch_all(call, keys)
    if not call.settings[options.SKIP_REDACTION]:
        redact_before_print.redact(call, values.values(), "the secrets", options.SKIP_REDACTION.env[0])
    job_text.write(call, _text(values, "json" if form == "default" and len(keys) > 1 else form))
    return 0


def _fetch_all(call: "Call", keys: "List[str]") -> "Dict[str, str]":
    """Return the values by key. Raises AgentError that names every key whose value could not be fetched."""
    job, in_job = call.settings[JOB], client.client(call)
    values: "Dict[str, str]" = {}
    problems: "Dict[str, AgentError]" = {}

    def fetch(key: str) -> None:
        try:
            values[key] = secrets.get(in_job, job, key, wait=retry.sleep, report=call.report)
        except AgentError as problem:
            problems[key] = problem

    different = list(dict.fromkeys(keys))
    if len(different) == 1:
        fetch(different[0])
    else:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(AT_ONCE_COUNT, len(different))) as workers:
            list(workers.map(fetch, different))
    if problems:
        listed = "".join(f' - secret "{key}": {problems[key]}\n' for key in different if key in problems)
        raise AgentError(f"Failed to fetch some secrets:\n{listed}")
    return {key: values[key] for key in sorted(different)}


def _text(values: "Dict[str, str]", form: str) -> str:
    if form == "env":
        return "".join(f"{go_text.upper(key)}={_shell_quote(value)}\n" for key, value in values.items())
    if form == "json":
        return job_text.as_json(values) + "\n"
    return "".join(values.values()) + "\n"


def _shell_quote(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


COMMAND = Command(
    "secret get",
    run,
    options=(*client.OPTIONS, JOB, options.FORMAT, options.SKIP_REDACTION),
    arguments=("KEY...",),
    description=(
        "Prints the bare value of one secret, or a JSON object of several. They are redacted in the job's log."
    ),
    example="export DEPLOY_KEY=$(bkagent secret get deploy_key)",
)
