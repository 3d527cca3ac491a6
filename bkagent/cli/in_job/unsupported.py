"""Refuse commands that this release does not support. On the short path."""

from bkagent.errors import AgentError


def refuse(what: str) -> int:
    """Raise AgentError; `what` is the subject of the sentence, with its verb."""
    raise AgentError(f"{what} not supported in this release; nothing was done")
