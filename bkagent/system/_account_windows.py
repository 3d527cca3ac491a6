"""The user's account on Windows, and folders for it alone, by their owner and access list."""

import os
import stat
import sys

from bkagent.errors import ConfigError

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT


def user_tag(environ: "Mapping[str, str]") -> str:
    """Return the account name with unusual letters replaced."""
    name = environ.get("USERNAME", "user")
    return "".join(letter if letter.isalnum() else "-" for letter in name)


def system_temporary() -> str:
    """Return the folder that every Windows has."""
    return "C:\\Windows\\Temp"


def account_home() -> str:
    """Return "": the environment's USERPROFILE is the account's own."""
    return ""


def make_folder(path: str) -> None:
    """Make a folder for this user, whatever is inherited from the one above, where others may make files."""
    from bkagent.system import _folder_access_windows as folder_access

    folder_access.make(path)


def is_ours(path: str) -> bool:
    """Say whether `path` is a real folder of this user or of the administrators. Raises OSError."""
    from bkagent.system import _folder_access_windows as folder_access

    return _is_folder(path) and not folder_access.access_of(path).foreign_owner


def close_to_others(path: str) -> None:
    """Close a folder of ours to other users. Raises ConfigError with the end of a sentence, OSError."""
    from bkagent.system import _folder_access_windows as folder_access

    if not _is_folder(path):
        raise ConfigError("is a link or a file, not a folder; choose another one")
    access = folder_access.access_of(path)
    if access.foreign_owner:
        raise ConfigError(
            f"belongs to another user ({folder_access.name_of(access.foreign_owner)}), who could change what is in it; "
            "choose another one, or if it is yours, give it to the administrators: "
            f'icacls "{path}" /setowner *S-1-5-32-544'
        )
    # What others have put there does not become ours by shutting them out.
    if access.writers and os.listdir(path):
        names = ", ".join(sorted(set(map(folder_access.name_of, access.writers))))
        raise ConfigError(
            f"is not empty, and others ({names}) can write to it: look at what is in it and move it away, then the "
            "folder is closed to them; or choose another one"
        )
    if access.others:
        folder_access.close(path)


def deny_writing(path: str) -> None:
    """Leave the access list as it is."""


def _is_folder(path: str) -> bool:
    """Say whether a folder stands there, not a link or a junction to one. Raises OSError."""
    status = os.lstat(path)
    return stat.S_ISDIR(status.st_mode) and getattr(status, "st_reparse_tag", 0) != _JUNCTION
