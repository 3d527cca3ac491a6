"""Systems on which programs are started by fork; the promises are in `_process_spawn_linux`."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Mapping, Optional, Tuple


def allow() -> None:
    """Do nothing."""


def start(
    argv: "List[bytes]",
    env: "Mapping[bytes, bytes]",
    cwd: bytes,
    files: "Tuple[int, int, int]",
    terminal: "Optional[str]",
    leads_session: bool,
    signals: "Tuple[Iterable[int], Iterable[int]]",
) -> int:
    """Start nothing."""
    return 0
