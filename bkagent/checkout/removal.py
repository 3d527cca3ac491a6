"""Remove a checkout folder, retrying while it is busy."""

from __future__ import annotations

import os

from bkagent.config import paths
from bkagent.config.options import agent, bootstrap, checkout
from bkagent.config.variables import job_variables
from bkagent.errors import JobFailed
from bkagent.shell.session import Session
from bkagent.system.tree_removal import remove_tree

_TRIES, _PAUSE_S = 10, 10.0

# What a checkout folder must not contain: other checkouts, the agent's own files, the user's.
_KEPT = (
    *agent.BUILD_PATH.env, *agent.HOOKS_PATH.env, *agent.PLUGINS_PATH.env, *checkout.GIT_MIRRORS_PATH.env,
    job_variables.ENV_FILE.name, *bootstrap.BIN_PATH.env,
)  # fmt: skip


def remove(session: Session, folder: str) -> None:
    """Remove `folder` if it exists, retrying while it is busy.

    Raises JobFailed, immediately for a folder with more in it than a checkout: a job may name any folder.
    """
    kept = _protected_path_within(session, folder)
    if kept:
        raise JobFailed(f'"{folder}" is not removed, as it contains {kept} and cannot be a checkout', 1)
    for tries_left in range(_TRIES - 1, -1, -1):
        session.log.comment(f"Removing {folder}")
        try:
            remove_tree(folder)
            return
        except OSError as error:
            session.log.error(f'Failed to remove "{folder}" ({error})')
            failure = error
        if tries_left:
            session.log.comment(f"Waiting {_PAUSE_S:.0f} seconds")
            if session.cancellation.wait(_PAUSE_S):
                break
    raise JobFailed(f'failed to remove "{folder}": {failure}', 1) from failure


def _protected_path_within(session: Session, folder: str) -> str:
    """Return the first path at or below `folder` that must not be removed with a checkout, or ""."""
    above, name = os.path.split(os.path.abspath(folder))
    real = os.path.normcase(os.path.join(os.path.realpath(above), name))  # of a link, only the link would go
    env = session.first_env  # a hook may well move HOME into the checkout
    named = [env.get(variable, "") for variable in _KEPT]
    for path in (*named, paths.home(env), paths.temporary(env)):
        if path and os.path.isabs(path):
            inner = os.path.normcase(os.path.realpath(path))
            if inner == real or inner.startswith(real.rstrip(os.sep) + os.sep):
                return path
    return ""
