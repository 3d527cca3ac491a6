"""What an account of this machine sees, and folders for it that other users can neither read nor change.

account_sid(account) -> str           the security identifier of an account. Raises ServiceError for an unknown one
profiles_folder() -> str              the folder of the users' profiles
profile_folder(sid) -> str            the profile of one user; "" for accounts that have none yet
is_mapped_drive(path) -> bool         whether one session alone has the drive: one of the network, or of `subst`
make_folder(path, sid, may_write)     make a folder of the administrators that this account may read, or change as well.
                                      What is there already has to be theirs. Raises ConfigError
"""

import hashlib
import struct
import sys

if sys.platform == "win32":
    from bkagent.system.service._service_account_windows import (
        account_sid,
        is_mapped_drive,
        make_folder,
        profile_folder,
        profiles_folder,
    )
else:
    from bkagent.system.service._service_account_none import (
        account_sid,
        is_mapped_drive,
        make_folder,
        profile_folder,
        profiles_folder,
    )

__all__ = [
    "account_sid", "is_mapped_drive", "make_folder", "profile_folder", "profiles_folder", "virtual_account_sid",
]  # fmt: skip


def virtual_account_sid(service: str) -> str:
    """Return the security identifier of NT SERVICE\\NAME, which follows from the name, as `sc showsid` prints it."""
    digest = hashlib.sha1(service.upper().encode("utf-16-le")).digest()
    return "-".join(["S-1-5-80", *map(str, struct.unpack("<5I", digest))])
