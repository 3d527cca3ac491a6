"""Other names for files and folders, also where a virus scanner looks at them: Windows renames nothing that is open so.

rename(source, target) -> None     as os.rename
replace(source, target) -> None    as os.replace

On Windows both try again for some seconds while access is denied or sharing is violated. They raise OSError.

CAN_REMOVE_OPEN    whether a file that a process has open, and its folder, can be removed and renamed
"""

import os
import sys
from time import monotonic, sleep

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

CAN_REMOVE_OPEN = sys.platform != "win32"
_PASSING = (5, 32)  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION
_PATIENCE_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 0.01, 0.2


def rename(source: str, target: str) -> None:
    """See above."""
    _move(os.rename, source, target)


def replace(source: str, target: str) -> None:
    """See above."""
    _move(os.replace, source, target)


def _move(move: "Callable[[str, str], None]", source: str, target: str) -> None:
    deadline, pause_s = monotonic() + _PATIENCE_S, _FIRST_PAUSE_S
    while True:
        try:
            return move(source, target)
        except OSError as error:
            if getattr(error, "winerror", None) not in _PASSING or monotonic() >= deadline:
                raise
        sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
