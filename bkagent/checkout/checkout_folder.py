"""The folder of the checkout. Jobs without a checkout have one as well, so nothing of git is loaded here."""

from __future__ import annotations

import os

from bkagent.config.variables.protected_variables import CHECKOUT_PATH
from bkagent.errors import JobFailed
from bkagent.shell.session import Session


def folder(session: Session) -> str:
    """Return the absolute path of the checkout. Raises JobFailed if the job has none."""
    path = session.env.get(CHECKOUT_PATH, "")
    if not path:
        raise JobFailed(f"{CHECKOUT_PATH} is empty, so the checkout has no folder", 1)
    return os.path.abspath(os.path.join(session.cwd, path))


def enter(session: Session) -> None:
    """Change to the checkout's folder, creating it if missing. Raises JobFailed."""
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
