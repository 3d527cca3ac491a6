"""What the steps of a checkout share, and the folder that they work in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Sequence

from bkagent.checkout.settings import CHECKOUT_PATH, Checkout
from bkagent.errors import JobFailed
from bkagent.git import run as git
from bkagent.git.outcome import OTHER, GitFailed, Judge
from bkagent.shell.session import Session


@dataclass
class Work:
    """One checkout: the job's session, its settings, and what the steps find out.

    `remember` is told the folders that have to go when the job ends.
    """

    session: Session
    settings: Checkout
    remember: Callable[[str], None]

    def run(self, argv: Sequence[str], judge: Judge = OTHER, *, doing: str = "") -> None:
        """Show and run a git command. Raises GitFailed, its text starting with what was being done."""
        try:
            git.run(self.session, argv, judge)
        except GitFailed as failed:
            raise failed.within(doing) if doing else failed

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
            return git.capture(self.session, argv, OTHER, hidden=hidden, env=env)
        except GitFailed as failed:
            raise failed.within(doing) if doing else failed

    def path(self, *names: str) -> str:
        """Return a path below the checkout."""
        return os.path.join(self.session.cwd, *names)


def folder(session: Session) -> str:
    """Return the absolute path of the checkout. Raises JobFailed where the job has none."""
    path = session.env.get(CHECKOUT_PATH, "")
    if not path:
        raise JobFailed(f"{CHECKOUT_PATH} is empty: there is no folder to check out into", 1)
    return os.path.abspath(os.path.join(session.cwd, path))


def enter(session: Session) -> None:
    """Go to the checkout's folder, made if it is missing. Raises JobFailed."""
    path = folder(session)
    make_folder(session, path)
    if session.cwd != path:
        session.chdir(path)


def make_folder(session: Session, path: str) -> None:
    """Make a folder and those above it, with the permissions that the umask leaves. Raises JobFailed."""
    if os.path.isdir(path):
        return
    session.log.comment(f'Creating "{path}"')
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise JobFailed(f'cannot make the folder "{path}": {error.strerror}', 1) from error
