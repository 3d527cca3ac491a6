"""The machine, on Windows."""

import sys

assert sys.platform == "win32"

import winreg  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def goos() -> str:
    """Return the only name there is."""
    return "windows"


def processor() -> str:
    """Return the processor that the system was built for, also from a 32-bit interpreter."""
    return registry_text(r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment", "PROCESSOR_ARCHITECTURE")


def describe_os(environ: "Mapping[str, str]") -> str:
    """Return one line: the product's name and its version."""
    version = sys.getwindowsversion()
    product = registry_text(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "ProductName") or "Windows"
    return f"{product} version {version.major}.{version.minor}.{version.build}"


def installation_id() -> str:
    """Return the id that the system was given when it was installed."""
    return registry_text(r"SOFTWARE\Microsoft\Cryptography", "MachineGuid")


def registry_text(key: str, name: str) -> str:
    """Return a value of the machine's part of the registry, as 64-bit programs see it; "" where it is missing."""
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY) as opened:
            value, _ = winreg.QueryValueEx(opened, name)
    except OSError:
        return ""
    return str(value)
