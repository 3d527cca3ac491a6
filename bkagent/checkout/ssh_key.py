"""The job's deploy key: in a file of its own while git runs."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from shlex import quote
from typing import Iterator

from bkagent.checkout.checkout_folder import folder
from bkagent.checkout.work import Work
from bkagent.errors import ConfigError, JobFailed
from bkagent.system import private_folder
from bkagent.system.tree_removal import remove_tree

COMMAND = "GIT_SSH_COMMAND"


@contextmanager
def use_key(work: Work) -> Iterator[None]:
    """Let git use the key of the settings. Raises JobFailed."""
    session = work.session
    with session.lock:
        before = session.env.get(COMMAND)
    holder = ""
    try:
        holder, path = _write_key(work)
        with session.lock:
            session.env[COMMAND] = f"{before or 'ssh'} -i {quote(path)} -o IdentitiesOnly=yes"
        yield
    finally:
        with session.lock:
            if before is None:
                session.env.pop(COMMAND, None)
            else:
                session.env[COMMAND] = before
        if holder:
            _remove(work, holder)


def _write_key(work: Work) -> "tuple[str, str]":
    """Create a folder beside the checkout with the key's file, not inside, where `git clean` would remove it.

    If other users could replace that folder, it is created elsewhere. Returns both paths.
    """
    above = os.path.dirname(folder(work.session))
    tag = re.sub(r"[^A-Za-z0-9]", "-", work.settings.pipeline)
    try:
        holder = private_folder.make_temporary(f".buildkite-ssh-key-{tag}-", above)
        path = os.path.join(holder, "id")
        # ssh refuses a key that others may read, and one without a line end.
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(work.settings.ssh_key.rstrip("\n").encode("utf-8", "surrogateescape") + b"\n")
    except (ConfigError, OSError) as error:
        reason = isinstance(error, OSError) and error.strerror or error
        raise JobFailed(f'cannot write the SSH key of the job in "{above}": {reason}', 1) from error
    return holder, path.replace("\\", "/")


def _remove(work: Work, holder: str) -> None:
    try:
        remove_tree(holder)
    except OSError as error:
        work.session.log.warning(f'Failed to remove the SSH key in "{holder}": {error}')
