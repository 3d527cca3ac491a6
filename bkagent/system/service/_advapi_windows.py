"""Functions of advapi32, which raise ServiceError with Windows' error code."""

import ctypes
import sys

from bkagent.system.service.service_types import ServiceError

assert sys.platform == "win32"

from ctypes import wintypes  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)


def declare(name: str, *argument_types: "Any", returns: "Any" = wintypes.BOOL) -> "Callable[..., Any]":
    """Return a function of the library. It raises ServiceError where it returns zero."""
    function = getattr(_advapi32, name)
    function.argtypes, function.restype, function.errcheck = argument_types, returns, _require_success
    return function  # type: ignore[no-any-return]


def _require_success(returned: "Any", function: "Any", arguments: "Any") -> "Any":
    if not returned:
        code = ctypes.get_last_error()
        raise ServiceError(code, ctypes.FormatError(code))
    return returned
