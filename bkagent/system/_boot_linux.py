"""The id that Linux gives a boot; the promise is in boot.py."""

_FILE = "/proc/sys/kernel/random/boot_id"  # the host's, in containers too: one machine, one page cache


def boot_id() -> str:
    """Return the id of this boot; "" on systems without that file."""
    try:
        with open(_FILE, encoding="ascii") as file:
            return file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return ""
