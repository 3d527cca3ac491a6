"""Systems on which a process cannot change the arguments and environment that others see."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence


def forget(secret: str) -> bool:
    """Do nothing."""
    return False


def show_arguments(words: "Sequence[str]") -> None:
    """Do nothing."""
