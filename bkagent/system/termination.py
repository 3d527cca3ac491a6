"""Undo what was begun when a signal ends this process. On the short path: `signal` itself would load `enum`.

run_or_undo(work, undo) -> None     run work; when an interrupt, a request to end (SIGTERM, SIGHUP) or an error stops
                                    it, run undo, and go on with that. A second signal ends the process at once
"""

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, NoReturn

_NUMBERS = tuple(getattr(_signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(_signal, name))
_DEFAULT = 0  # SIG_DFL, as the C module spells it


class _Terminated(BaseException):
    """A signal that asks this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run_or_undo(work: "Callable[[], None]", undo: "Callable[[], None]") -> None:
    """See above. Does not return when a signal ended the work."""
    previous = {number: _signal.getsignal(number) for number in _NUMBERS}
    heard = [number for number in _NUMBERS if previous[number] == _DEFAULT]
    try:
        for number in heard:
            _signal.signal(number, _raise)
        work()
    except BaseException as reason:
        _restore(heard)
        undo()
        if isinstance(reason, _Terminated):
            _die(reason.number)
        raise
    _restore(heard)


def _raise(number: int, frame: object) -> "NoReturn":
    raise _Terminated(number)


def _restore(numbers: "list[int]") -> None:
    for number in numbers:
        _signal.signal(number, _DEFAULT)


def _die(number: int) -> "NoReturn":
    os.kill(os.getpid(), number)
    os._exit(128 + number)
