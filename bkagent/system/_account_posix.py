"""The user's account on POSIX systems."""

import os
import stat
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def user_tag(environ: "Mapping[str, str]") -> str:
    """Return the numeric user id as text."""
    return str(os.getuid())


def system_temporary() -> str:
    """Return the folder that POSIX names."""
    return "/tmp"


def account_home() -> str:
    """Return the home folder of the user database, or "" for a user it does not list."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def is_ours(path: str) -> bool:
    """Say whether `path` is a real folder of ours. Raises OSError."""
    status = os.lstat(path)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def owned_by_us(path: str) -> bool:
    """Say whether `path` is a real folder of ours; takes away what group and others may do in it."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        return False
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return True
