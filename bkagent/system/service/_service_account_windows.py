"""Accounts of Windows and access lists of folders; the promises are in service_account.py."""

import ctypes
import os
import stat
import sys

assert sys.platform == "win32"

import winreg  # noqa: E402
from ctypes import wintypes  # noqa: E402

from bkagent.errors import ConfigError  # noqa: E402
from bkagent.system import _folder_access_windows  # noqa: E402
from bkagent.system._host_windows import registry_text  # noqa: E402
from bkagent.system._pipe_security_windows import sid_text  # noqa: E402
from bkagent.system.service._advapi_windows import declare  # noqa: E402

_PROFILES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
_DRIVE_REMOTE = 4
_SUBSTITUTED = "\\??\\"  # a drive that `subst` made stands for such a path, others for a device
_LONGEST_TARGET = 32768
_SDDL_REVISION = 1
_DACL, _PROTECTED_DACL = 0x4, 0x80000000
# For files and folders below as well. 0x1301bf is what the dialogs of Windows call "modify".
_SDDL = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
_MODIFY, _READ = "0x1301bf", "FRFX"
_ALREADY_EXISTS = 183
_LONGEST_NAME = 256


class _FolderAttributes(ctypes.Structure):
    _fields_ = [("length", wintypes.DWORD), ("descriptor", ctypes.c_void_p), ("inherit", wintypes.BOOL)]


_POINTER = ctypes.POINTER(ctypes.c_void_p)
_DWORDS = ctypes.POINTER(wintypes.DWORD)
_lookup_account = declare(
    "LookupAccountNameW", wintypes.LPCWSTR, wintypes.LPCWSTR, ctypes.c_void_p, _DWORDS, wintypes.LPWSTR, _DWORDS,
    ctypes.POINTER(ctypes.c_int),
)  # fmt: skip
_to_descriptor = declare(
    "ConvertStringSecurityDescriptorToSecurityDescriptorW", wintypes.LPCWSTR, wintypes.DWORD, _POINTER, _DWORDS
)  # fmt: skip
_set_file_security = declare("SetFileSecurityW", wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p)
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.CreateDirectoryW.argtypes = (wintypes.LPCWSTR, ctypes.POINTER(_FolderAttributes))
_kernel32.LocalFree.argtypes = (ctypes.c_void_p,)
_kernel32.GetDriveTypeW.argtypes = (wintypes.LPCWSTR,)
_kernel32.QueryDosDeviceW.argtypes = (wintypes.LPCWSTR, wintypes.LPWSTR, wintypes.DWORD)


def account_sid(account: str) -> str:
    """Ask Windows, and through it the domain."""
    sid, domain = ctypes.create_string_buffer(_LONGEST_NAME), ctypes.create_unicode_buffer(_LONGEST_NAME)
    sid_bytes, domain_characters = wintypes.DWORD(_LONGEST_NAME), wintypes.DWORD(_LONGEST_NAME)
    # Windows does not know `.\\user` here, but services and the dialogs do.
    _lookup_account(
        None, account[2:] if account.startswith(".\\") else account, sid, ctypes.byref(sid_bytes), domain,
        ctypes.byref(domain_characters), ctypes.byref(ctypes.c_int()),
    )  # fmt: skip
    return sid_text(ctypes.cast(sid, ctypes.c_void_p))


def profiles_folder() -> str:
    """Ask the registry."""
    return winreg.ExpandEnvironmentStrings(registry_text(_PROFILES, "ProfilesDirectory")) or r"C:\Users"


def profile_folder(sid: str) -> str:
    """Ask the registry, which knows the profile since the account's first logon."""
    return winreg.ExpandEnvironmentStrings(registry_text(_PROFILES + "\\" + sid, "ProfileImagePath"))


def is_mapped_drive(path: str) -> bool:
    """Ask for the kind of the drive, and for what it stands; a path of the network itself has none."""
    drive = os.path.splitdrive(path)[0]
    if len(drive) != 2:
        return False
    target = ctypes.create_unicode_buffer(_LONGEST_TARGET)
    is_known = _kernel32.QueryDosDeviceW(drive, target, _LONGEST_TARGET)
    if is_known and target.value.startswith(_SUBSTITUTED):
        return True
    return bool(_kernel32.GetDriveTypeW(drive + "\\") == _DRIVE_REMOTE)


def make_folder(path: str, sid: str, may_write: bool) -> None:
    """Make the folder with its access list, or give it to one that is there.

    What is in that already keeps its own: jobs may have put further names of other files there.
    """
    rights = _MODIFY if may_write else _READ
    descriptor = ctypes.c_void_p()
    text = _SDDL + (f"(A;OICI;{rights};;;{sid})" if sid else "")
    _to_descriptor(text, _SDDL_REVISION, ctypes.byref(descriptor), None)
    try:
        attributes = _FolderAttributes(ctypes.sizeof(_FolderAttributes), descriptor, False)
        if _kernel32.CreateDirectoryW(path, ctypes.byref(attributes)):
            return
        code = ctypes.get_last_error()
        if code != _ALREADY_EXISTS:
            raise ConfigError(f"cannot make the folder {path}: {ctypes.FormatError(code)}")
        _require_administrators(path)
        _set_file_security(path, _DACL | _PROTECTED_DACL, descriptor)
    finally:
        _kernel32.LocalFree(descriptor)


def _require_administrators(path: str) -> None:
    """Raise ConfigError where another user could have made what is there: every user may add folders to ProgramData."""
    attributes = os.lstat(path).st_file_attributes
    if attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT or not attributes & stat.FILE_ATTRIBUTE_DIRECTORY:
        raise ConfigError(f"{path} is a link or a file, not a folder; remove it")
    try:
        owner = _folder_access_windows.access_of(path).foreign_owner
    except OSError as error:
        raise ConfigError(f"cannot read who owns the folder {path}: {error.strerror}") from None
    if owner:
        raise ConfigError(f"the folder {path} belongs to another user ({owner}), who could change it; remove it")
