"""The command that a fork runs for its caller; the promises are in `stand_in`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List


class ForkedCommand:
    """A caller's command line and environment, and how to end. `program` is the path of the script that it is."""

    __slots__ = ("program", "words", "env", "done")

    def __init__(
        self, program: str, words: "List[str]", env: "Dict[str, str]", done: "Callable[[int, bool, int], ForkedCommand]"
    ) -> None:
        self.program, self.words, self.env, self.done = program, words, env, done
