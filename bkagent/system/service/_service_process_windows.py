"""A process of Windows' service control manager; the promise is in service_process.py.

The dispatcher keeps the thread that calls it, so it gets one of its own: the main thread is the agent's.
"""

import ctypes
import sys
import threading

assert sys.platform == "win32"

from ctypes import wintypes  # noqa: E402

from bkagent.system.service._advapi_windows import declare  # noqa: E402
from bkagent.system.service.service_types import SHUTDOWN, STATES, STOP, ServiceError, ServiceStatus  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

_OWN_PROCESS = 0x10
_ACCEPT_STOP, _ACCEPT_PRESHUTDOWN = 0x1, 0x100
_ACCEPTED = {"running": _ACCEPT_STOP | _ACCEPT_PRESHUTDOWN, "stopping": _ACCEPT_PRESHUTDOWN}
_CONTROLS = {0x1: STOP, 0xF: SHUTDOWN}
_INTERROGATE = 0x4
_NO_ERROR, _SPECIFIC_ERROR, _NOT_IMPLEMENTED = 0, 1066, 120


class _StatusRecord(ctypes.Structure):
    _fields_ = [
        (name, wintypes.DWORD)
        for name in (
            "type", "state", "accepted", "win32_exit_code", "specific_exit_code", "checkpoint", "wait_hint_ms"
        )
    ]  # fmt: skip


_Main = ctypes.WINFUNCTYPE(None, wintypes.DWORD, ctypes.c_void_p)
_Handler = ctypes.WINFUNCTYPE(wintypes.DWORD, wintypes.DWORD, wintypes.DWORD, ctypes.c_void_p, ctypes.c_void_p)


class _ServiceEntry(ctypes.Structure):
    _fields_ = [("name", wintypes.LPCWSTR), ("main", _Main)]


_dispatch = declare("StartServiceCtrlDispatcherW", ctypes.c_void_p)
_register = declare(
    "RegisterServiceCtrlHandlerExW", wintypes.LPCWSTR, _Handler, ctypes.c_void_p, returns=wintypes.HANDLE
)
_set_status = declare("SetServiceStatus", wintypes.HANDLE, ctypes.POINTER(_StatusRecord))


class ServiceProcess:
    """Connected with the service control manager until it has set the status "stopped"."""

    def __init__(self, name: str, obey: "Callable[[str], None]") -> None:
        self._name, self._obey = name, obey
        self._connected, self._stopped = threading.Event(), threading.Event()
        self._error: "Optional[ServiceError]" = None
        self._handle = 0
        # Kept as long as Windows may call them.
        self._handler, self._main = _Handler(self._handle_control), _Main(self._run_main)
        self._table = (_ServiceEntry * 2)(_ServiceEntry(name, self._main), _ServiceEntry(None, _Main()))
        threading.Thread(target=self._run_dispatcher, name="service-dispatcher", daemon=True).start()
        self._connected.wait()
        if self._error is not None:
            raise self._error

    def set_status(self, status: ServiceStatus) -> None:
        """Say what the service does. Raises ServiceError."""
        code = _SPECIFIC_ERROR if status.exit_status else _NO_ERROR
        number = STATES.index(status.state) + 1
        told = _StatusRecord(
            _OWN_PROCESS, number, _ACCEPTED.get(status.state, 0), code, status.exit_status, status.checkpoint,
            int(status.wait_hint_s * 1000),
        )  # fmt: skip
        _set_status(self._handle, ctypes.byref(told))
        if status.state == "stopped":
            self._stopped.set()

    def _run_dispatcher(self) -> None:
        try:
            _dispatch(self._table)
        except ServiceError as error:
            self._error = error
        self._connected.set()

    def _run_main(self, count: int, arguments: "Any") -> None:
        """Connect, on a thread of Windows, which may end when the service has."""
        try:
            self._handle = _register(self._name, self._handler, None)
        except ServiceError as error:
            self._error = error
        self._connected.set()
        if self._error is None:
            self._stopped.wait()

    def _handle_control(self, control: int, event_type: int, event: "Any", context: "Any") -> int:
        word = _CONTROLS.get(control)
        if word is not None:
            # On a thread of its own, as all services wait while this one answers.
            threading.Thread(target=self._obey, args=(word,), name="service-control", daemon=True).start()
        return _NO_ERROR if word is not None or control == _INTERROGATE else _NOT_IMPLEMENTED
