"""Hooks on POSIX: no extension, or PowerShell's."""

import os
from typing import Mapping, Tuple

from bkagent.system.private_folder import system_temporary

EXTENSIONS: Tuple[str, ...] = ("", ".ps1")
# Linux, and NetBSD where its /proc is mounted; macOS and the other BSDs have none.
ENVIRONMENT_FILE = "/proc/self/environ" if os.path.exists("/proc/self/environ") else ""


def temporary_folder(environ: Mapping[str, str]) -> str:
    """Return TMPDIR, or the system's folder where it is not set."""
    return environ.get("TMPDIR") or system_temporary()
