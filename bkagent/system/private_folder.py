"""Folders that belong to one user and nobody else can write to.

check(path, what) -> None   say what is wrong with a folder that must be there and ours. Raises ConfigError
make(path) -> str           create it (and what is above it) or check it; the path. Raises ConfigError
can_make(path) -> bool      whether `make` would succeed, without leaving more than folders behind
user_tag(environ) -> str    a short text that differs between the users of a machine
system_temporary() -> str   the system's folder for temporary files
account_home() -> str       the home folder that the user database names, or ""
"""

import os
import sys

from bkagent.errors import ConfigError

if sys.platform == "win32":
    from bkagent.system._account_windows import account_home, is_ours, owned_by_us, system_temporary, user_tag
else:
    from bkagent.system._account_posix import account_home, is_ours, owned_by_us, system_temporary, user_tag

__all__ = ["account_home", "can_make", "check", "make", "system_temporary", "user_tag"]


def check(path: str, what: str) -> None:
    """Raise ConfigError unless `path` is a folder that this user owns; it is called `what`. Changes nothing."""
    try:
        ours = is_ours(path)
    except FileNotFoundError:
        raise ConfigError(f"the {what} {path} does not exist") from None
    except OSError as error:
        raise ConfigError(f"cannot read the {what} {path}: {error.strerror}") from None
    if not ours:
        raise ConfigError(f"the {what} {path} is not a folder of this user; run this as the user whose it is")


def make(path: str) -> str:
    """Return `path`, now a folder of mode 0700 that this user owns. Raises ConfigError saying why not."""
    path = os.path.abspath(path)
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path}: {error.strerror}") from None
    try:
        is_ours = owned_by_us(path)
    except OSError as error:
        raise ConfigError(f"the folder {path} cannot be closed to other users: {error.strerror}") from None
    if not is_ours:
        raise ConfigError(f"the folder {path} belongs to another user or is a link; choose another one")
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"the folder {path} cannot be written to")
    return path


def can_make(path: str) -> bool:
    """Say whether `make(path)` would succeed."""
    try:
        make(path)
    except ConfigError:
        return False
    return True
