"""Unguessable numbers, for names where others may write. `secrets` would load a library of hashes for it."""

import os


def below(count: int) -> int:
    """Return a number from 0 on, below `count`."""
    return int.from_bytes(os.urandom(16), "big") % count


def uuid4() -> str:
    """Return a random UUID. `uuid` would load what looks for the addresses of network cards. RFC 9562, section 5.4."""
    octets = bytearray(os.urandom(16))
    octets[6], octets[8] = octets[6] & 0x0F | 0x40, octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
