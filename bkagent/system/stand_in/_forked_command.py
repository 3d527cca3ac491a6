"""The command that a fork runs for its caller; the promises are in `stand_in`."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List


class ForkedCommand:
    """A caller's command line and environment, and how to end. `program` is the path of the script that it is."""

    __slots__ = ("program", "words", "env", "_tell")

    def __init__(self, program: str, words: "List[str]", env: "Dict[str, str]", tell: "Callable[[int], None]") -> None:
        self.program, self.words, self.env = program, words, env
        self._tell = tell

    def done(self, status: int) -> None:
        """End this process, and its caller, with `status`."""
        self._tell(status)
        os._exit(status & 0xFF)
