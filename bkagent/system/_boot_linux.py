"""The id that Linux gives a boot; the promise is in boot.py."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_FILE = "/proc/sys/kernel/random/boot_id"  # the host's, in containers too: one machine, one page cache

_boot_id: "Optional[str]" = None


def boot_id() -> str:
    """Return the id of this boot; "" on systems without that file."""
    global _boot_id
    if _boot_id is None:
        _boot_id = _read()
    return _boot_id


def _read() -> str:
    try:
        with open(_FILE, encoding="ascii") as file:
            return file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return ""
