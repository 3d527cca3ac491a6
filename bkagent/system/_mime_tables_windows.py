"""Content types, as programs have registered them on Windows."""

import sys

assert sys.platform == "win32"

import winreg  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

GLOBS: "Tuple[str, ...]" = ()
TABLES: "Tuple[str, ...]" = ()


def registered_type(extension: str) -> str:
    """Return the "Content Type" of the extension's key; keys have no case."""
    try:
        with winreg.OpenKey(winreg.HKEY_CLASSES_ROOT, "." + extension) as key:
            name, form = winreg.QueryValueEx(key, "Content Type")
    except (OSError, ValueError):
        return ""
    # Installers have left this on many machines; Go passes it over too (golang/go issue 32350).
    if form != winreg.REG_SZ or (extension.lower() == "js" and name.startswith("text/plain")):
        return ""
    return str(name)
