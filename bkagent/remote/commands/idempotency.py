"""Idempotency keys: a server that gets a request twice handles it once. On the short path."""


def uuid(random: bytes) -> str:
    """Return a UUID of version 4 made of 16 random bytes."""
    data = bytearray(random)
    data[6] = data[6] & 0x0F | 0x40
    data[8] = data[8] & 0x3F | 0x80
    text = data.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
