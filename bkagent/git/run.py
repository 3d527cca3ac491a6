"""Run one git command of a job, and classify its failure by its output. Outside of a job's phases: `git/query.py`.

`hooks=False` is for repositories that other jobs can write to (mirrors) or that come from elsewhere (plugins): no
program that such a repository, or a template of new ones, brings along is run. The prompt shows the command without the
settings that see to it.
"""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence

from bkagent.git import commands
from bkagent.git.outcome import GitFailed, Judge, OutputScanner
from bkagent.shell import prompt
from bkagent.shell.session import CommandFailed, Session

# Neither name can exist: not below a device, and on Windows not with such characters. An empty fsmonitor disables it,
# also in git before 2.36, which runs any other word as a program. Source: git's Documentation/config/core.txt.
NO_HOOKS = ("core.hooksPath=/dev/null/<no hooks>", "core.fsmonitor=")
# An empty name disables templates, whatever init.templateDir is. Source: git's Documentation/git-init.txt.
NO_TEMPLATE = {"GIT_TEMPLATE_DIR": ""}


def run(
    session: Session,
    argv: Sequence[str],
    judge: Judge,
    *,
    env: Optional[Dict[str, str]] = None,
    shown: Optional[str] = None,
    hooks: bool = True,
) -> None:
    """Run a command in the session's working directory. Raises GitFailed of the kind that `judge` finds."""
    watch = judge.watch()
    words, env = (list(argv), env) if hooks else _without_hooks(argv, env)
    shown = prompt.command_line(argv) if shown is None else shown
    try:
        session.run(words, env=environment(session, env), shown=shown, watch=watch.feed)
    except CommandFailed as failed:
        raise _failure_of(failed, judge, watch) from failed


def capture(
    session: Session,
    argv: Sequence[str],
    judge: Judge,
    *,
    env: Optional[Dict[str, str]] = None,
    hidden: bool = False,
    hooks: bool = True,
) -> str:
    """Return what a command prints to its standard output, without showing the command. Raises GitFailed."""
    watch = judge.watch()
    words, env = (list(argv), env) if hooks else _without_hooks(argv, env)
    try:
        return session.capture(words, env=environment(session, env), watch=watch.feed, hidden=hidden, shown=argv)
    except CommandFailed as failed:
        raise _failure_of(failed, judge, watch) from failed


def environment(session: Session, env: Optional[Dict[str, str]] = None) -> Dict[str, str]:
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


def _without_hooks(argv: Sequence[str], env: Optional[Dict[str, str]]) -> "tuple[List[str], Dict[str, str]]":
    return commands.with_settings(argv, NO_HOOKS), {**NO_TEMPLATE, **(env or {})}


def _failure_of(failed: CommandFailed, judge: Judge, watch: OutputScanner) -> GitFailed:
    return GitFailed(str(failed), failed.exit_code, judge.kind(failed.exit_code, watch.seen), signal=failed.signal)
