"""The variable that Python adds to the environment at its start: LC_CTYPE, where the locale would be C (PEP 538)."""

_TARGETS = ("C.UTF-8", "C.utf8", "UTF-8")


def came_from_python(lc_ctype: str) -> bool:
    """Whether this LC_CTYPE was not there when the process started. False where the platform does not tell."""
    if lc_ctype not in _TARGETS:
        return False
    try:
        with open("/proc/self/environ", "rb") as file:  # the environment as it was handed over
            first = file.read()
    except OSError:
        return False
    # An erased or empty block says nothing.
    return b"=" in first and not first.startswith(b"LC_CTYPE=") and b"\0LC_CTYPE=" not in first
