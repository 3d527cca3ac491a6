"""Names that Windows does not take for what they are: of devices, of streams, and of other files."""

from __future__ import annotations

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; CONIN$ and CONOUT$ are the console's
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [port + digit for port in ("COM", "LPT") for digit in "123456789\u00b9\u00b2\u00b3"]
)
_NEVER_IN_NAMES = frozenset('<>:"|?*')


def objection(name: str) -> str:
    """Return why a file or folder cannot have a name, as the end of a sentence; "" if it can."""
    if ":" in name:
        return f'"{name}" would be a drive, or a stream of another file'
    if name.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        return f'"{name}" is a device of Windows'
    if name.rstrip(" .") != name:
        return f'Windows drops the end of "{name}", a dot or a space'
    strange = next((letter for letter in name if letter in _NEVER_IN_NAMES or letter < " "), "")
    return f"Windows allows no {ascii(strange)} in names" if strange else ""


def of_any_length(path: str) -> str:
    """Return an absolute path in the form that may have more than 260 characters, whatever the machine's settings."""
    if path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path


def without_case(name: str) -> str:
    """Return what names that differ by case alone have in common. Letter by letter, as NTFS does: "ß" is not "ss"."""
    if name.isascii():
        return name.upper()
    return "".join(upper if len(upper) == 1 else letter for letter, upper in ((c, c.upper()) for c in name))
