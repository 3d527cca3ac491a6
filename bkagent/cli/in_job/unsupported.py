"""Refuse commands that this release does not support. On the short path."""

from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def refuse(what: str) -> int:
    """Raise AgentError; `what` is the subject of the sentence, with its verb."""
    raise AgentError(f"{what} not supported in this release; nothing was done")


def refuse_lock(call: "Call") -> int:
    """Check the call of a command about locks, and refuse it."""
    from bkagent.cli.in_job import choices
    from bkagent.config.options.locks import SCOPE

    expected_count = len(call.command.arguments)
    if len(call.arguments) != expected_count:
        from bkagent.cli.pages import help, layout

        page = help.page(call.command, layout.width(call.err, call.environ), call.environ)
        call.err.write("\n".join(page) + "\n")
        return 1
    choices.check(call, SCOPE)
    return refuse("lock commands are")
