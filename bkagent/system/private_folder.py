"""Folders that belong to one user, and that others can neither change nor replace nor look into.

check(path, what) -> None             say what is wrong with a folder that must be there and ours, and change nothing
make(path, within="") -> str          create it (and what is above it) or check it, and all of the way to it by the rule
                                      of `trusted_path`; the path. `within` is a folder above it that is not questioned
make_temporary(prefix, above) -> str  a new one in the folder `above`, or in the system's temporary folder where others
                                      could replace it there; its name cannot be guessed
deny_writing(path) -> None            take from others the right to write to a folder of ours, if it is one
user_tag(environ) -> str              a short text that differs between the users of a machine
system_temporary() -> str             the system's folder for temporary files
account_home() -> str                 the home folder that the user database names, or ""

They raise ConfigError with a sentence that says what is wrong with which folder.
"""

import os
import sys

from bkagent.errors import ConfigError
from bkagent.system import trusted_path, unguessable
from bkagent.system.system_kind import ON_WINDOWS

if sys.platform == "win32":
    from bkagent.system._account_windows import (
        account_home,
        close_to_others,
        deny_writing,
        is_ours,
        make_folder,
        system_temporary,
        user_tag,
    )
else:
    from bkagent.system._account_posix import (
        account_home,
        close_to_others,
        deny_writing,
        is_ours,
        make_folder,
        system_temporary,
        user_tag,
    )

# Of folders in a private one. On Windows what is made there inherits its access list. From 0o700 Python 3.13 would make
# a list without this user's name: what an elevated program has made is then closed to others of the same user.
INNER_MODE = 0o777 if ON_WINDOWS else 0o700

__all__ = [
    "INNER_MODE", "account_home", "check", "deny_writing", "make", "make_temporary", "system_temporary", "user_tag",
]  # fmt: skip


def check(path: str, role: str) -> None:
    """Raise ConfigError unless `path` is a folder that this user owns; it is called `role`. Changes nothing."""
    try:
        is_folder, is_own = os.path.isdir(path) and not os.path.islink(path), is_ours(path)
    except FileNotFoundError:
        raise ConfigError(f"the {role} {path} does not exist") from None
    except OSError as error:
        raise ConfigError(f"cannot read the {role} {path}: {error.strerror}") from None
    if not is_folder:
        raise ConfigError(f"the {role} {path} is a link or a file, not a folder")
    if not is_own:
        raise ConfigError(f"the {role} {path} belongs to another user; run this as that user")


def make(path: str, within: str = "") -> str:
    """Return `path`, now a folder that this user alone can enter. Raises ConfigError saying why not."""
    path = os.path.abspath(path)
    if not os.path.basename(path):
        raise ConfigError(f"{path} is the root folder, which cannot be private to one user; choose another one")
    try:
        parent = trusted_path.follow(os.path.dirname(path), 0o700, within and os.path.abspath(within)).folder
        real_path = os.path.join(parent, os.path.basename(path))
        try:
            make_folder(real_path)
        except FileExistsError:
            pass
    except ConfigError as error:
        raise ConfigError(f"the folder {path} is not safe to use: {error}; choose another one") from None
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path}: {error.strerror}") from None
    try:
        close_to_others(real_path)
    except ConfigError as error:
        raise ConfigError(f"the folder {path} {error}") from None
    except OSError as error:
        raise ConfigError(f"the folder {path} cannot be closed to other users: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"the folder {path} cannot be written to")
    return path


def make_temporary(prefix: str, above: str) -> str:
    """Return a new folder that this user alone can enter. Raises ConfigError saying why it cannot be made."""
    above = os.path.abspath(above)
    try:
        try:
            trusted_path.follow(above, 0o755)
        except ConfigError:
            above = system_temporary()
            trusted_path.follow(above)
        path = os.path.join(above, f"{prefix}{unguessable.below(10**10)}")
        make_folder(path)
    except ConfigError as error:
        raise ConfigError(f"the folder {above} is not safe to use: {error}; choose another one with TMPDIR") from None
    except OSError as error:
        raise ConfigError(f"cannot make a folder in {above}: {error.strerror}") from None
    return path
