"""Systems on which a process cannot change the arguments and environment that others see."""


def forget(secret: str) -> bool:
    """Do nothing."""
    return False
