"""What the steps of a checkout share."""

from __future__ import annotations

import os
from typing import Callable, Dict, Mapping, Optional, Sequence, Set

from bkagent.checkout.checkout_settings import Checkout
from bkagent.checkout.mirrors.remote_mirror import RemoteMirror
from bkagent.git import commands
from bkagent.git import run as git
from bkagent.git.outcome import OTHER, GitFailed, Judge, Kind
from bkagent.shell.session import Session


class Work:
    """One checkout: the job's session, its settings, and what the steps find out.

    `remember` is told the folders that have to go when the job ends. `credential_helper` is a value of git's setting of
    that name: what asks the control plane for a password. `remote` is what this attempt does with the plane's own copy
    of the repository. `runs_hooks`: git may run what the repository brings along; see `without_hooks`. `git_env` are
    variables for every git command. `borrowed_mirror` is what the checkout borrows from at this step, "" for none;
    `suspects` are mirrors that have spoilt a fresh checkout, `renewed` those that were created again for this one.
    """

    def __init__(
        self, session: Session, settings: Checkout, remember: Callable[[str], None], credential_helper: str = ""
    ) -> None:
        self.session, self.settings, self.remember = session, settings, remember
        self.credential_helper, self.remote = credential_helper, RemoteMirror()
        self.runs_hooks = True
        self.git_env: Mapping[str, str] = {}
        self.borrowed_mirror = ""
        self.suspects: Set[str] = set()
        self.renewed: Set[str] = set()

    def without_hooks(self, git_env: Mapping[str, str]) -> "Work":
        """Return the same checkout, for work in a repository that other jobs can write to."""
        work = Work(self.session, self.settings, self.remember, self.credential_helper)
        work.__dict__.update(self.__dict__)
        work.runs_hooks, work.git_env = False, git_env
        return work

    def run(self, argv: Sequence[str], judge: Judge = OTHER, *, doing: str = "", shown: Optional[str] = None) -> None:
        """Run a git command, shown as itself or as `shown`. Raises GitFailed, its text starting with `doing`.

        If a stale lock or a renamed branch makes it fail, that is removed and the command run again.
        """
        try:
            try:
                self._run_once(argv, judge, shown)
            except GitFailed as failed:
                if failed.kind not in (Kind.LOCKED, Kind.IN_THE_WAY):
                    raise
                from bkagent.checkout import repair  # few jobs need it

                repair.prepare_another_try(self.session, self.path(".git"), self.run, argv, failed)
                self._run_once(argv, judge, shown)
        except GitFailed as failed:
            raise failed.within(doing) if doing else failed

    def _run_once(self, argv: Sequence[str], judge: Judge, shown: Optional[str]) -> None:
        git.run(self.session, argv, judge, env=dict(self.git_env), shown=shown, hooks=self.runs_hooks)

    def capture(
        self,
        argv: Sequence[str],
        *,
        doing: str = "",
        hidden: bool = False,
        env: Optional[Dict[str, str]] = None,
    ) -> str:
        """Return what a git command prints, without showing it. Raises GitFailed as `run` does."""
        try:
            git_env = {**self.git_env, **(env or {})}
            return git.capture(self.session, argv, OTHER, hidden=hidden, env=git_env, hooks=self.runs_hooks)
        except GitFailed as failed:
            raise failed.within(doing) if doing else failed

    def has_commit(self, commit: str, git_dir: str) -> bool:
        """Return whether a repository has a commit, given by its full id, not by a branch or an abbreviated id."""
        if commit.startswith("-"):
            return False
        # A partial clone would fetch the missing commit and then report it as present.
        local_only = {"GIT_NO_LAZY_FETCH": "1"}
        try:
            printed = self.capture(commands.resolve_commit(commit, git_dir), hidden=True, env=local_only)
        except GitFailed:
            return False
        return printed.strip() == commit

    def path(self, *names: str) -> str:
        """Return a path below the checkout."""
        return os.path.join(self.session.cwd, *names)
