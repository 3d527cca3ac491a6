"""POSIX systems; see `console`."""


def use_utf8() -> None:
    """Do nothing: the job's variables name its locale."""


def takes_escapes(descriptor: int) -> bool:
    """See `console`."""
    return True
