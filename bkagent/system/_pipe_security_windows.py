"""Who may use a named pipe of ours, and whose a pipe is; for _local_socket_windows.py.

Source of the SDDL: https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format
"""

import ctypes
import sys

assert sys.platform == "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_TOKEN_QUERY = 8
_TOKEN_USER = 1
_SDDL_REVISION = 1
_KERNEL_OBJECT = 6
_OWNER_INFORMATION = 1
# What root is elsewhere: the system itself, and administrators, to whom the objects of their programs may belong.
_SYSTEM_SID = "S-1-5-18"
_ADMINISTRATORS_SID = "S-1-5-32-544"

_Handle = ctypes.c_void_p
_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_kernel32.GetCurrentProcess.restype = _Handle
_kernel32.CloseHandle.argtypes = (_Handle,)
_kernel32.LocalFree.argtypes = (ctypes.c_void_p,)
_kernel32.LocalFree.restype = ctypes.c_void_p
_advapi32.OpenProcessToken.argtypes = (_Handle, ctypes.c_ulong, ctypes.POINTER(_Handle))
_advapi32.GetTokenInformation.argtypes = (
    _Handle, ctypes.c_int, ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(ctypes.c_ulong),
)  # fmt: skip
_advapi32.ConvertSidToStringSidW.argtypes = (ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p))
_advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (
    ctypes.c_wchar_p, ctypes.c_ulong, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p,
)  # fmt: skip
_advapi32.GetSecurityInfo.argtypes = (
    _Handle, ctypes.c_int, ctypes.c_ulong, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, ctypes.c_void_p,
    ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
)  # fmt: skip
_advapi32.GetSecurityInfo.restype = ctypes.c_ulong


class _SecurityAttributes(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ulong), ("descriptor", ctypes.c_void_p), ("is_inherited", ctypes.c_int)]


class OwnerOnly:
    """Security attributes of an object that this user owns, and that only this user and the system can open.

    `address` is that of the SECURITY_ATTRIBUTES, for as long as this exists. Raises OSError.
    """

    __slots__ = ("address", "_attributes", "_descriptor")

    def __init__(self) -> None:
        self._descriptor = ctypes.c_void_p()
        # "P" keeps out what would be inherited; GA is every right, which on a pipe includes that to add instances.
        sid = own_sid()
        sddl = f"O:{sid}D:P(A;;GA;;;{sid})(A;;GA;;;{_SYSTEM_SID})"
        _check(
            _advapi32.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                sddl, _SDDL_REVISION, ctypes.byref(self._descriptor), None
            )
        )
        self._attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), self._descriptor, False)
        self.address = ctypes.addressof(self._attributes)

    def __del__(self) -> None:
        if self._descriptor:
            _kernel32.LocalFree(self._descriptor)


def own_sid() -> str:
    """Return the security identifier of the user that this process runs as. Raises OSError."""
    token = _Handle()
    _check(_advapi32.OpenProcessToken(_kernel32.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)))
    try:
        size_bytes = ctypes.c_ulong()
        _advapi32.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(size_bytes))
        # TOKEN_USER begins with a pointer to the identifier, which lies behind it in the same buffer.
        user = ctypes.create_string_buffer(size_bytes.value)
        _check(_advapi32.GetTokenInformation(token, _TOKEN_USER, user, size_bytes, ctypes.byref(size_bytes)))
        return sid_text(ctypes.c_void_p.from_buffer(user))
    finally:
        _kernel32.CloseHandle(token)


def owner_sid(handle: int) -> str:
    """Return the security identifier of the owner of an open object. Raises OSError."""
    sid, descriptor = ctypes.c_void_p(), ctypes.c_void_p()
    code = _advapi32.GetSecurityInfo(
        handle, _KERNEL_OBJECT, _OWNER_INFORMATION, ctypes.byref(sid), None, None, None, ctypes.byref(descriptor)
    )
    if code:
        raise ctypes.WinError(code)
    try:
        return sid_text(sid)
    finally:
        _kernel32.LocalFree(descriptor)


def foreign_owner(handle: int) -> "Optional[str]":
    """Return the owner of an open object where that is neither this user nor an administrator. Raises OSError.

    Without an administrator's rights no program can give an object another owner than its own user.
    """
    owner = owner_sid(handle)
    return None if owner in (own_sid(), _SYSTEM_SID, _ADMINISTRATORS_SID) else owner


def sid_text(sid: ctypes.c_void_p) -> str:
    """Return a security identifier as text, S-1-.... Raises OSError."""
    text = ctypes.c_void_p()
    _check(_advapi32.ConvertSidToStringSidW(sid, ctypes.byref(text)))
    try:
        return ctypes.wstring_at(text.value or 0)
    finally:
        _kernel32.LocalFree(text)


def _check(is_done: int) -> None:
    if not is_done:
        raise ctypes.WinError(ctypes.get_last_error())
