"""The folder where a mirror is created before it is renamed to its final path, which other agents share."""

from __future__ import annotations

import os

from bkagent.shell.session import Session
from bkagent.system.tree_removal import remove_tree


def folder_of(mirror: str) -> str:
    """Return the staging folder beside a mirror. Its name is the reference's, which also cleans it up."""
    import hashlib  # few mirrors are made

    digest = hashlib.sha256(os.fsencode(mirror)).hexdigest()[:16]
    return os.path.join(os.path.dirname(mirror), f".remote-mirror-{digest}")


def former_folder_of(mirror: str) -> str:
    """Return the folder that a mirror goes to while a new one takes its place."""
    return folder_of(mirror) + "-former"


def clear(session: Session, mirror: str) -> None:
    """Remove what an interrupted clone left, and a former mirror. The caller holds the clone lock."""
    for folder, what in ((folder_of(mirror), "unfinished clone"), (former_folder_of(mirror), "former mirror")):
        if not os.path.lexists(folder):
            continue
        session.log.comment(f'Removing the {what} "{folder}"')
        try:
            remove_tree(folder)
        except OSError as error:
            session.log.warning(f'"{folder}" cannot be removed: {error.strerror}')
