"""The identity of this boot: tells files from before a loss of power from those written since.

boot_id() -> str     a text that every start of the machine changes, "" where the system does not tell
"""

_LINUX = "/proc/sys/kernel/random/boot_id"  # the host's, in containers too: one machine, one page cache


def boot_id() -> str:
    """Return the id of this boot, or "": then nothing tells the boots apart."""
    try:
        with open(_LINUX, encoding="ascii") as file:
            return file.read(100).strip()
    except (OSError, UnicodeDecodeError):
        return ""
