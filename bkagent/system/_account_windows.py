"""The user's account on Windows, where a profile folder is private by its access list."""

import os
import stat

from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


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


def is_ours(path: str) -> bool:
    """Say whether `path` is a folder; ownership is the profile's access list. Raises OSError."""
    return stat.S_ISDIR(os.stat(path).st_mode)


def close_to_others(path: str) -> None:
    """Check that `path` is a folder; who may enter it is the profile's access list. Raises ConfigError."""
    if not os.path.isdir(path):
        raise ConfigError("is not a folder; choose another one")


def deny_writing(path: str) -> None:
    """Leave the access list as it is."""
