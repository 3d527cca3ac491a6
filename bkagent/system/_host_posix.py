"""The machine, on POSIX systems."""

import os
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping

_RELEASE_FILES_FOLDER = "/etc"
_RELEASE_FILE_MAX_BYTES = 64 * 1024
_ID_FILES = ("/var/lib/dbus/machine-id", "/etc/machine-id", "/etc/hostid")


def goos() -> str:
    """Return the system's name without a release number."""
    name = sys.platform.rstrip("0123456789")
    return {"sunos": "solaris", "cygwin": "windows"}.get(name, name)


def processor() -> str:
    """Return the system's own name of the processor."""
    return os.uname().machine


def describe_os(environ: "Mapping[str, str]") -> str:
    """Return the release files on Linux, `sw_vers` on macOS, `uname -sr` elsewhere."""
    if sys.platform == "linux":
        return _release_files()
    if sys.platform == "darwin":
        return _output(["/usr/bin/sw_vers"], environ)
    system = os.uname()
    return f"{system.sysname} {system.release}"


def installation_id() -> str:
    """Return the id that the system was given when it was installed."""
    for path in _ID_FILES:
        text = _read(path).strip()
        if text:
            return text
    if sys.platform != "darwin":
        return ""
    for line in _output(["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice"], {}).splitlines():
        if "IOPlatformUUID" in line:
            return line.rpartition(" = ")[2].strip().strip('"')
    return ""


def _release_files() -> str:
    try:
        names = sorted(name for name in os.listdir(_RELEASE_FILES_FOLDER) if name.endswith("-release"))
    except OSError:
        return ""
    return "".join(_read(os.path.join(_RELEASE_FILES_FOLDER, name)) for name in names)


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_RELEASE_FILE_MAX_BYTES)
    except OSError:
        return ""


def _output(argv: "List[str]", environ: "Mapping[str, str]") -> str:
    import subprocess

    try:
        completed = subprocess.run(argv, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return completed.stdout.decode("utf-8", "replace")
