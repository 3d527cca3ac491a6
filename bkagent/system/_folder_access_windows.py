"""Folders of Windows that are for one user: making them, and asking who owns them and who else may do what there.

Sources: https://learn.microsoft.com/windows/win32/secauthz/access-control-lists, and winnt.h for the layouts.
"""

import ctypes
import os
import sys
from ctypes import wintypes

assert sys.platform == "win32"

from bkagent.system import windows_names  # noqa: E402
from bkagent.system._pipe_security_windows import own_sid, sid_text  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Tuple

_SYSTEM, _ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
_CREATOR, _OWNER_RIGHTS = "S-1-3-0", "S-1-3-4"  # stand for whoever makes a file, and for its owner
_TRUSTED_INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"  # of what came with Windows
_LIKE_ROOT = (_SYSTEM, _ADMINISTRATORS, _TRUSTED_INSTALLER)
_EVERYONE = "S-1-1-0"
_FILE_OBJECT, _SDDL_REVISION = 1, 1
_OWNER, _DACL, _PROTECTED_DACL = 0x1, 0x4, 0x80000000
_ALLOWED = (0, 9)  # ACCESS_ALLOWED_ACE, and the one with a condition, which has the same layout
# To make files and folders, remove them and the folder itself, change who may; and the generic rights with these in.
_WRITE = 0x2 | 0x4 | 0x40 | 0x10000 | 0x40000 | 0x80000 | 0x10000000 | 0x40000000
_LONGEST_NAME = 256

_POINTER, _DWORDS = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(wintypes.DWORD)
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.LocalFree.argtypes = (ctypes.c_void_p,)
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
_advapi32.GetNamedSecurityInfoW.argtypes = (
    wintypes.LPCWSTR, ctypes.c_int, wintypes.DWORD, _POINTER, _POINTER, _POINTER, _POINTER, _POINTER,
)  # fmt: skip
_advapi32.GetNamedSecurityInfoW.restype = wintypes.DWORD
_advapi32.SetNamedSecurityInfoW.argtypes = (
    wintypes.LPCWSTR, ctypes.c_int, wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p,
)  # fmt: skip
_advapi32.SetNamedSecurityInfoW.restype = wintypes.DWORD
_advapi32.GetAce.argtypes = (ctypes.c_void_p, wintypes.DWORD, _POINTER)
_advapi32.GetSecurityDescriptorDacl.argtypes = (
    ctypes.c_void_p, ctypes.POINTER(wintypes.BOOL), _POINTER, ctypes.POINTER(wintypes.BOOL),
)  # fmt: skip
_advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (
    wintypes.LPCWSTR, wintypes.DWORD, _POINTER, ctypes.c_void_p,
)  # fmt: skip
_advapi32.ConvertStringSidToSidW.argtypes = (wintypes.LPCWSTR, _POINTER)
_advapi32.LookupAccountSidW.argtypes = (
    wintypes.LPCWSTR, ctypes.c_void_p, wintypes.LPWSTR, _DWORDS, wintypes.LPWSTR, _DWORDS, ctypes.POINTER(ctypes.c_int),
)  # fmt: skip


class _NewFolderAttributes(ctypes.Structure):
    _fields_ = [("length", wintypes.DWORD), ("descriptor", ctypes.c_void_p), ("inherit", wintypes.BOOL)]


class _AccessList(ctypes.Structure):
    _fields_ = [("revision", wintypes.WORD), ("size", wintypes.WORD), ("count", wintypes.WORD), ("rest", wintypes.WORD)]


class _AccessEntry(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_ubyte),
        ("flags", ctypes.c_ubyte),
        ("size", wintypes.WORD),
        ("rights", wintypes.DWORD),
    ]


_kernel32.CreateDirectoryW.argtypes = (wintypes.LPCWSTR, ctypes.POINTER(_NewFolderAttributes))


class Access:
    """Who owns a folder and who may enter it, besides this user, the system and administrators: by their identifiers.

    `foreign_owner` is "" where there is no other one; `others` may do something there, `writers` change something.
    """

    __slots__ = ("foreign_owner", "others", "writers")

    def __init__(self, foreign_owner: str, others: "List[str]", writers: "List[str]") -> None:
        self.foreign_owner, self.others, self.writers = foreign_owner, others, writers


def make(path: str) -> None:
    """Make a folder that this user owns; nobody else but the system and administrators may enter it. Raises OSError."""
    with _OwnDescriptor() as descriptor:
        attributes = _NewFolderAttributes(ctypes.sizeof(_NewFolderAttributes), descriptor, False)
        if not _kernel32.CreateDirectoryW(_full(path), ctypes.byref(attributes)):
            raise ctypes.WinError(ctypes.get_last_error())


def close(path: str) -> None:
    """Give a folder, and what is in it, the access list of one that `make` has made. Raises OSError."""
    present, defaulted, acl = wintypes.BOOL(), wintypes.BOOL(), ctypes.c_void_p()
    with _OwnDescriptor() as descriptor:
        _advapi32.GetSecurityDescriptorDacl(
            descriptor, ctypes.byref(present), ctypes.byref(acl), ctypes.byref(defaulted)
        )
        _check(
            _advapi32.SetNamedSecurityInfoW(_full(path), _FILE_OBJECT, _DACL | _PROTECTED_DACL, None, None, acl, None)
        )


def access_of(path: str) -> Access:
    """Return who may do what in a folder. Raises OSError, also where its file system has no access lists."""
    owner, acl, descriptor = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    _check(
        _advapi32.GetNamedSecurityInfoW(
            _full(path), _FILE_OBJECT, _OWNER | _DACL, ctypes.byref(owner), None, ctypes.byref(acl), None,
            ctypes.byref(descriptor),
        )
    )  # fmt: skip
    try:
        trusted = (own_sid(), *_LIKE_ROOT)
        owner_sid, entries = sid_text(owner), list(_entries(acl))
    finally:
        _kernel32.LocalFree(descriptor)
    others = [(sid, rights) for sid, rights in entries if sid not in (*trusted, _CREATOR, _OWNER_RIGHTS)]
    writers = [sid for sid, rights in others if rights & _WRITE]
    return Access("" if owner_sid in trusted else owner_sid, [sid for sid, _ in others], writers)


def name_of(sid: str) -> str:
    """Return an account's name, or the identifier where it has none here."""
    pointer, use = ctypes.c_void_p(), ctypes.c_int()
    name, domain = ctypes.create_unicode_buffer(_LONGEST_NAME), ctypes.create_unicode_buffer(_LONGEST_NAME)
    lengths = [wintypes.DWORD(_LONGEST_NAME) for _ in range(2)]
    if not _advapi32.ConvertStringSidToSidW(sid, ctypes.byref(pointer)):
        return sid
    try:
        is_known = _advapi32.LookupAccountSidW(
            None, pointer, name, ctypes.byref(lengths[0]), domain, ctypes.byref(lengths[1]), ctypes.byref(use)
        )
    finally:
        _kernel32.LocalFree(pointer)
    return "\\".join(part for part in (domain.value, name.value) if part) if is_known and name.value else sid


def _entries(acl: ctypes.c_void_p) -> "Iterator[Tuple[str, int]]":
    """Yield (identifier, rights) of each entry that allows something; a missing list allows everyone everything."""
    if not acl.value:
        yield _EVERYONE, _WRITE
        return
    entry = ctypes.c_void_p()
    for at in range(_AccessList.from_address(acl.value).count):
        if not _advapi32.GetAce(acl, at, ctypes.byref(entry)):
            raise ctypes.WinError(ctypes.get_last_error())
        address = entry.value or 0
        head = _AccessEntry.from_address(address)
        if head.type in _ALLOWED:
            yield sid_text(ctypes.c_void_p(address + ctypes.sizeof(_AccessEntry))), int(head.rights)


class _OwnDescriptor:
    """A security descriptor for folders of this user, and for what is made in them; a context."""

    def __enter__(self) -> ctypes.c_void_p:
        self._descriptor, sid = ctypes.c_void_p(), own_sid()
        # The user by name, not as the owner: what an elevated program makes belongs to the administrators.
        text = f"O:{sid}D:P" + "".join(f"(A;OICI;FA;;;{trusted})" for trusted in (sid, _SYSTEM, _ADMINISTRATORS))
        if not _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text, _SDDL_REVISION, ctypes.byref(self._descriptor), None
        ):
            raise ctypes.WinError(ctypes.get_last_error())
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        _kernel32.LocalFree(self._descriptor)


def _full(path: str) -> str:
    return windows_names.of_any_length(os.path.abspath(path))


def _check(code: int) -> None:
    if code:
        raise ctypes.WinError(code)
