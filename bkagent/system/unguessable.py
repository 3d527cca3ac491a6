"""Unguessable numbers, for names where others may write. `secrets` would load a library of hashes for it."""

import os


def below(count: int) -> int:
    """Return a number from 0 on, below `count`."""
    return int.from_bytes(os.urandom(16), "big") % count
