"""The user's account on POSIX systems."""

import os
import stat
import sys

from bkagent.errors import ConfigError

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


def make_folder(path: str) -> None:
    """Make a folder of mode 0700. Raises OSError."""
    os.mkdir(path, 0o700)


def is_ours(path: str) -> bool:
    """Say whether `path` is a real folder of ours. Raises OSError."""
    status = os.lstat(path)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


def close_to_others(path: str) -> None:
    """Close a folder of ours to other users. Raises ConfigError with the end of a sentence, OSError."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        raise ConfigError("is a link; choose another one")
    if not stat.S_ISDIR(status.st_mode):
        raise ConfigError("is not a folder; choose another one")
    if status.st_uid != os.geteuid():
        raise ConfigError(f"belongs to user {status.st_uid}; choose another one")
    if status.st_mode & 0o077:
        os.chmod(path, 0o700)
    # What others have put there does not become ours by shutting them out; looked at when they are.
    if status.st_mode & 0o022 and os.listdir(path):
        os.chmod(path, stat.S_IMODE(status.st_mode))
        raise ConfigError(
            "is not empty, and others can write to it: look at what is in it and run `chmod go-w` on it, "
            "or choose another one"
        )


def deny_writing(path: str) -> None:
    """Take from others the right to write to a folder, if it is one of ours."""
    try:
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and status.st_mode & 0o022:
            os.chmod(path, stat.S_IMODE(status.st_mode) & ~0o022)
    except OSError:
        pass  # not there, or on a system of files that has no such rights
