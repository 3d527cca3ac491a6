"""What `env get`, `env set` and `env unset` share. On the short path."""

from bkagent.cli.in_job import job_text
from bkagent.errors import AgentError
from bkagent.remote.commands.job_api import JobApi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator

    from bkagent.cli.command import Call


def job_api(call: "Call") -> JobApi:
    """Return the job's own service. Raises AgentError outside a job."""
    try:
        return JobApi(call.environ)
    except AgentError as error:
        raise AgentError(
            f"could not create Job API client: {error}\n"
            "this command works only in the hooks, plugins and commands of a job whose agent has the Job API enabled"
        ) from error


def inputs(call: "Call", read: "Callable[[str], object]") -> "Iterator[object]":
    """Yield what `read` makes of every argument, and of every line of standard input for the argument "-".

    `read` raises ValueError with words for what is wrong. Raises AgentError naming the argument or the line.
    """
    for word in call.arguments:
        if word != "-":
            yield _read(read, job_text.sendable(word), f'the command-line argument "{word}"')
            continue
        for number, line in enumerate(_lines(job_text.read_stdin(call)), 1):
            yield _read(read, line, f"input line {number}")


def _lines(text: str) -> "list[str]":
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line[:-1] if line.endswith("\r") else line for line in lines]


def _read(read: "Callable[[str], object]", text: str, origin: str) -> object:
    try:
        return read(text)
    except ValueError as problem:
        raise AgentError(f"couldn't parse {origin}: {problem}") from None
