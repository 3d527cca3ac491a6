"""How a process ended."""


class Ended:
    """`exit_code` is -1 and `signal` a name when a signal ended the process."""

    __slots__ = ("exit_code", "signal")

    def __init__(self, exit_code: int, signal: str = "") -> None:
        self.exit_code = exit_code
        self.signal = signal

    def __repr__(self) -> str:
        return f"Ended({self.exit_code}, {self.signal!r})"
