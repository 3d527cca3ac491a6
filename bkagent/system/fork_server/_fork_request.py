"""A request to a fork server; the promises are in `fork_server`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List


class NotWarm(Exception):
    """The warm process is not there to fork. Nothing has been started."""


class ForkRequest:
    """The command of a forked process."""

    __slots__ = ("words", "env")

    def __init__(self, words: "List[str]", env: "Dict[str, str]") -> None:
        self.words, self.env = words, env
