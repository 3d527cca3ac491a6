"""Services by the service control manager of Windows; the promise is in service_manager.py.

Source: https://learn.microsoft.com/windows/win32/services/service-functions and the headers winsvc.h, winnt.h.
"""

import ctypes
import sys
from contextlib import contextmanager

assert sys.platform == "win32"

from ctypes import wintypes  # noqa: E402

from bkagent.system.service._advapi_windows import declare  # noqa: E402
from bkagent.system.service.service_types import STATES, ServiceDefinition, ServiceError, ServiceState  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

_MANAGER_CONNECT, _MANAGER_CREATE = 0x1, 0x2
_QUERY_CONFIG, _CHANGE_CONFIG, _QUERY_STATUS, _START, _STOP, _DELETE = 0x1, 0x2, 0x4, 0x10, 0x20, 0x10000
_OWN_PROCESS, _AUTO_START, _ERROR_NORMAL = 0x10, 2, 1
_CONTROL_STOP = 1
_SPECIFIC_ERROR = 1066  # ERROR_SERVICE_SPECIFIC_ERROR: the service's own exit status is in another field
_UNKNOWN, _EXISTS = 1060, 1073  # ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_EXISTS
_INVALID_LEVEL = 124  # ERROR_INVALID_LEVEL
_DESCRIPTION, _FAILURE_ACTIONS, _FAILURE_ACTIONS_FLAG, _PRESHUTDOWN = 1, 2, 4, 7
_ACTION_RESTART = 1
_FAILURES_FORGOTTEN_AFTER_S = 24 * 3600
_CONFIG_BYTES = 8192  # the most that QueryServiceConfig returns


class _Action(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("delay_ms", wintypes.DWORD)]


class _FailureActions(ctypes.Structure):
    _fields_ = [
        ("reset_s", wintypes.DWORD), ("reboot_message", wintypes.LPWSTR), ("command", wintypes.LPWSTR),
        ("count", wintypes.DWORD), ("actions", ctypes.POINTER(_Action)),
    ]  # fmt: skip


class _Status(ctypes.Structure):
    _fields_ = [
        (name, wintypes.DWORD)
        for name in (
            "type", "state", "accepted", "win32_exit_code", "specific_exit_code", "checkpoint", "wait_hint_ms",
            "process_id", "flags",
        )
    ]  # fmt: skip


class _Config(ctypes.Structure):
    _fields_ = [
        ("type", wintypes.DWORD), ("start_type", wintypes.DWORD), ("error_control", wintypes.DWORD),
        ("command_line", wintypes.LPWSTR), ("group", wintypes.LPWSTR), ("tag", wintypes.DWORD),
        ("dependencies", wintypes.LPWSTR), ("account", wintypes.LPWSTR), ("display_name", wintypes.LPWSTR),
    ]  # fmt: skip


_HANDLE, _TEXT, _DWORD = wintypes.HANDLE, wintypes.LPCWSTR, wintypes.DWORD
_open_manager = declare("OpenSCManagerW", _TEXT, _TEXT, _DWORD, returns=_HANDLE)
_open_service = declare("OpenServiceW", _HANDLE, _TEXT, _DWORD, returns=_HANDLE)
_create_service = declare(
    "CreateServiceW", _HANDLE, _TEXT, _TEXT, _DWORD, _DWORD, _DWORD, _DWORD, _TEXT, _TEXT, ctypes.c_void_p, _TEXT,
    _TEXT, _TEXT, returns=_HANDLE,
)  # fmt: skip
_close = declare("CloseServiceHandle", _HANDLE)
_change_config_2 = declare("ChangeServiceConfig2W", _HANDLE, _DWORD, ctypes.c_void_p)
_start_service = declare("StartServiceW", _HANDLE, _DWORD, ctypes.c_void_p)
_control_service = declare("ControlService", _HANDLE, _DWORD, ctypes.c_void_p)
_delete_service = declare("DeleteService", _HANDLE)
_query_status = declare("QueryServiceStatusEx", _HANDLE, ctypes.c_int, ctypes.c_void_p, _DWORD, ctypes.c_void_p)
_query_config = declare("QueryServiceConfigW", _HANDLE, ctypes.c_void_p, _DWORD, ctypes.c_void_p)


@contextmanager
def _manager(access: int) -> "Iterator[int]":
    handle = _open_manager(None, None, access)
    try:
        yield handle
    finally:
        _close(handle)


@contextmanager
def _service(name: str, access: int) -> "Iterator[int]":
    with _manager(_MANAGER_CONNECT) as manager:
        handle = _open_service(manager, name, access)
        try:
            yield handle
        finally:
            _close(handle)


def check_installable(name: str) -> None:
    """Ask for the right to create services, and for the name."""
    with _manager(_MANAGER_CONNECT | _MANAGER_CREATE) as manager:
        try:
            _close(_open_service(manager, name, _QUERY_STATUS))
        except ServiceError as error:
            if error.code == _UNKNOWN:
                return
            raise
    raise ServiceError(_EXISTS)


def install(definition: ServiceDefinition) -> None:
    """Create the service; one that cannot be set up wholly is taken away again."""
    with _manager(_MANAGER_CONNECT | _MANAGER_CREATE) as manager:
        handle = _create_service(
            manager, definition.name, definition.name, _START | _CHANGE_CONFIG | _DELETE, _OWN_PROCESS, _AUTO_START,
            _ERROR_NORMAL, definition.command_line, None, None, None, definition.account, definition.password or None,
        )  # fmt: skip
        try:
            _configure(handle, definition)
        except ServiceError:
            _delete_service(handle)
            raise
        finally:
            _close(handle)


def _configure(handle: int, definition: ServiceDefinition) -> None:
    _change(handle, _DESCRIPTION, wintypes.LPWSTR(definition.description))
    delays_s = definition.restart_delays_s
    actions = (_Action * len(delays_s))(*[_Action(_ACTION_RESTART, int(delay_s * 1000)) for delay_s in delays_s])
    _change(
        handle, _FAILURE_ACTIONS, _FailureActions(_FAILURES_FORGOTTEN_AFTER_S, None, None, len(actions), actions)
    )  # fmt: skip
    _change(handle, _FAILURE_ACTIONS_FLAG, wintypes.BOOL(True))  # also where it ends with an error, without a crash
    _change(handle, _PRESHUTDOWN, wintypes.DWORD(int(definition.preshutdown_s * 1000)))


def _change(handle: int, level: int, information: "ctypes._SimpleCData | ctypes.Structure") -> None:
    try:
        _change_config_2(handle, level, ctypes.byref(information))
    except ServiceError as error:
        if error.code != _INVALID_LEVEL:  # Wine does not know all of them
            raise


def start(name: str) -> None:
    """Ask for the start."""
    with _service(name, _START) as service:
        _start_service(service, 0, None)


def ask_to_stop(name: str) -> None:
    """Send the control that asks for a stop."""
    with _service(name, _STOP) as service:
        _control_service(service, _CONTROL_STOP, ctypes.byref(_Status()))


def query(name: str) -> ServiceState:
    """Return what the service is and does."""
    status, needed = _Status(), wintypes.DWORD()
    buffer = ctypes.create_string_buffer(_CONFIG_BYTES)
    with _service(name, _QUERY_STATUS | _QUERY_CONFIG) as service:
        _query_status(service, 0, ctypes.byref(status), ctypes.sizeof(status), ctypes.byref(needed))
        _query_config(service, buffer, _CONFIG_BYTES, ctypes.byref(needed))
    config = _Config.from_buffer(buffer)
    has_own_code = status.win32_exit_code == _SPECIFIC_ERROR
    return ServiceState(
        state=STATES[status.state - 1], process_id=status.process_id,
        exit_code=status.specific_exit_code if has_own_code else status.win32_exit_code,
        checkpoint=status.checkpoint, wait_hint_s=status.wait_hint_ms / 1000,
        command_line=config.command_line or "", account=config.account or "",
    )  # fmt: skip


def remove(name: str) -> None:
    """Mark the service for deletion."""
    with _service(name, _DELETE) as service:
        _delete_service(service)
