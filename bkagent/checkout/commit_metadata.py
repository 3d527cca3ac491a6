"""Send the checked-out commit to the control plane, unless it has it already."""

from __future__ import annotations

from typing import Callable

from bkagent.checkout.checkout_settings import Checkout
from bkagent.config.variables import build_variables
from bkagent.errors import AgentError, Cancelled, JobFailed
from bkagent.git import commands, run
from bkagent.git.outcome import OTHER
from bkagent.shell.session import Session

KEY = "buildkite:git:commit"
_WARNING = "git-commit-resolution-failed"


def send(
    session: Session, settings: Checkout, exists: Callable[[str], bool], set_value: Callable[[str, str], None]
) -> None:
    """Store the commit's data under KEY. `exists` and `set_value` ask the control plane and raise AgentError.

    Other errors are logged as warnings. Raises Cancelled.
    """
    log = session.log
    log.comment("Checking to see if git commit information needs to be sent to Buildkite...")
    if session.env.get(build_variables.COMMIT_RESOLVED) == "true":
        log.comment("BUILDKITE_COMMIT is already resolved and meta-data populated, skipping")
        return
    doing = ""
    try:
        if _exists(exists):
            log.comment("Git commit information has already been sent to Buildkite")
            return
        log.comment("Sending Git commit information back to Buildkite")
        doing = "getting git commit information"
        if settings.commit.startswith("-"):
            raise JobFailed(f'"{settings.commit}" does not name a commit', 1)
        description = run.capture(session, commands.describe_commit(settings.commit), OTHER).strip()
        doing = "sending git commit information to Buildkite"
        set_value(KEY, description)
    except Cancelled:
        raise
    except AgentError as problem:
        log.warning(f"Couldn't send commit information to Buildkite: {doing}: {problem}", _WARNING)


def _exists(exists: Callable[[str], bool]) -> bool:
    try:
        return exists(KEY)
    except Cancelled:
        raise
    except AgentError:
        return False
