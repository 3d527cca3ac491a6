"""Run one git command of a job, and tell by its output what a failure means."""

from __future__ import annotations

import os
from typing import Dict, Optional, Sequence

from bkagent.git.outcome import GitFailed, Judge
from bkagent.shell.session import CommandFailed, Session


def run(
    session: Session,
    argv: Sequence[str],
    judge: Judge,
    *,
    env: Optional[Dict[str, str]] = None,
    shown: Optional[str] = None,
) -> None:
    """Run a command in the session's working directory. Raises GitFailed of the kind that `judge` finds."""
    watch = judge.watch()
    try:
        session.run(list(argv), env=surroundings(session, env), shown=shown, watch=watch.feed)
    except CommandFailed as failed:
        raise _failed(failed, judge, watch.seen) from failed


def capture(
    session: Session,
    argv: Sequence[str],
    judge: Judge,
    *,
    env: Optional[Dict[str, str]] = None,
    hidden: bool = False,
) -> str:
    """Return what a command prints to its standard output, without showing the command. Raises GitFailed."""
    watch = judge.watch()
    try:
        return session.capture(list(argv), env=surroundings(session, env), watch=watch.feed, hidden=hidden)
    except CommandFailed as failed:
        raise _failed(failed, judge, watch.seen) from failed


def surroundings(session: Session, env: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """Return the variables that every git command of a checkout gets.

    LANGUAGE: failures are told apart by git's English texts, whatever the job's locale.
    GIT_CEILING_DIRECTORIES: a checkout whose `.git` is broken must never be taken for a part of a repository around
    it, whose files a forced checkout would then overwrite.
    """
    above = os.path.dirname(session.cwd)
    ceilings = session.env.get("GIT_CEILING_DIRECTORIES")
    return {
        "LANGUAGE": "C",
        "GIT_CEILING_DIRECTORIES": above + os.pathsep + ceilings if ceilings else above,
        **(env or {}),
    }


def _failed(failed: CommandFailed, judge: Judge, seen: "set[bytes]") -> GitFailed:
    return GitFailed(str(failed), failed.exit_code, judge.kind(failed.exit_code, seen), signal=failed.signal)
