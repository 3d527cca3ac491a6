"""Folders that only root and this user can change, so that what lies in them is as they left it.

A folder is trusted where it and each one above it, up to the root, belongs to root or to this user and others (group
included) cannot write to it. Links on the way are followed: they lie in such folders too. A sticky folder (`/tmp`)
counts as one that others can write to. A way may lead through it to a folder there that is root's or ours, since
others cannot rename or remove that; it is never trusted itself. The owner of `/` is as good as root: in a user
namespace it may be a user that has no number there. packaging/header.sh has the same rule for the shell.

check(path) -> str                     the real path of a trusted folder
follow(path, mode=None, within="", peer=None) -> Way
                                       where a path leads; makes what is missing with `mode`, where given. The folder
                                       `within` and what is above it are taken as they are. `peer` is one more user
                                       whose folders will do
Way.folder, .is_open, .footholds       the real path; whether others can make files in it, as in a sticky folder; and
                                       [path, owner] of each folder that lies right in a sticky one

Both raise ConfigError with a sentence that says which folder is in the way, and OSError. On Windows, where access
lists say who may write, the folder itself is looked at, not what is above it: administrators are as good as root there.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._trusted_path_windows import Way, follow
else:
    from bkagent.system._trusted_path_posix import Way, follow

__all__ = ["Way", "check", "follow"]


def check(path: str) -> str:
    """Return the real path of a folder. Raises ConfigError where others can change what is in it, and OSError."""
    from bkagent.errors import ConfigError

    way = follow(path)
    if way.is_open:
        raise ConfigError(f"others can write to {way.folder}")
    return way.folder
