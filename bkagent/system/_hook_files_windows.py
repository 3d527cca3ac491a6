"""Hooks on Windows: batch files and PowerShell first, then programs, then shell scripts for Git Bash."""

import os
from typing import Mapping, Tuple

EXTENSIONS: Tuple[str, ...] = (".bat", ".cmd", ".ps1", ".exe", "")
ENVIRONMENT_FILE = ""


def temporary_folder(environ: Mapping[str, str]) -> str:
    """Return TMP or TEMP, in the order of GetTempPath, or a folder of the profile."""
    named = environ.get("TMP") or environ.get("TEMP")
    return named or os.path.join(environ.get("USERPROFILE", "C:\\"), "AppData", "Local", "Temp")
