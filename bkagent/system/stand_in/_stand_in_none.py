"""Systems on which no process can stand in for another; the promises are in `stand_in`."""

AVAILABLE = False
NO_JOBS = b""


class Queue:
    """A queue that this system cannot have."""

    fd = -1

    def __init__(self, folder: str) -> None:
        raise OSError("this system has no processes that stand in for others")

    def make_answers(self) -> None: ...

    def announce(self) -> None: ...

    def refuse(self) -> None: ...

    def sweep(self) -> None: ...

    def close(self) -> None: ...
