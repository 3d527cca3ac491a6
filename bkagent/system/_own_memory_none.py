"""Where a process cannot change what it shows of its start."""


def forget(secret: str) -> bool:
    """Do nothing."""
    return False
