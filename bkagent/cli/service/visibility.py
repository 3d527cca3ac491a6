"""Whether the account of a service can read a program or file that the installing user sees."""

from __future__ import annotations

import ntpath
from dataclasses import dataclass
from typing import Callable

from bkagent.errors import ConfigError
from bkagent.system.service.service_types import STORE_ERROR_STATUS

PYTHON_HINT = (
    "install Python for all users, or unpack the embeddable package of python.org into a folder such as C:\\Python, "
    "and run this command with that Python"
)
FILE_HINT = "copy it to a folder such as C:\\bkagent"


@dataclass(frozen=True)
class AccountView:
    """What decides what an account sees: the folder of all profiles, and its own profile ("" if it has none)."""

    account: str
    profiles: str
    own_profile: str
    is_mapped_drive: Callable[[str], bool]


def require_visible(path: str, role: str, hint: str, view: AccountView) -> None:
    """Raise ConfigError, with what to do, where the account cannot read `path`, which is called `role`."""
    parts = _folded(path).split("\\")
    if "windowsapps" in parts:
        raise ConfigError(
            f"the {role} {path} is from the Microsoft Store, which installs it for one user: a service would end with "
            f"exit code {STORE_ERROR_STATUS}; {hint}"
        )
    if view.is_mapped_drive(path):
        raise ConfigError(
            f"the {role} {path} is on a drive that only your own session has; use a local folder, or a path that "
            "begins with \\\\"
        )
    public = ntpath.join(view.profiles, "Public")
    is_in_profile = _is_below(path, view.profiles) and not _is_below(path, public)
    if is_in_profile and not (view.own_profile and _is_below(path, view.own_profile)):
        raise ConfigError(
            f"the {role} {path} is in the profile of one user, where {view.account} cannot read it; {hint}"
        )


def _is_below(path: str, folder: str) -> bool:
    return _folded(path).startswith(_folded(folder).rstrip("\\") + "\\")


def _folded(path: str) -> str:
    return ntpath.normcase(ntpath.normpath(path))
