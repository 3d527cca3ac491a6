"""Windows has no forks; the promises are in `fork_server`."""

from __future__ import annotations

import sys
from typing import Mapping, Optional, Sequence

from bkagent.system._process_end import Ended
from bkagent.system.fork_server._fork_request import ForkRequest, NotWarm

assert sys.platform == "win32"

AVAILABLE = False


class Forked:
    """A process that cannot be."""

    pid = 0

    def poll(self) -> Optional[Ended]:
        """Say that it has ended."""
        return Ended(0)

    def wait(self) -> Ended:
        """Say that it has ended."""
        return Ended(0)


class ForkServer:
    """Never starts."""

    has_served = False

    def __init__(self, argv: Sequence[str], env: Mapping[str, str]) -> None:
        raise OSError("this system has no forks")

    def is_ready(self, within_s: float = 0.0) -> bool:
        """Never."""
        return False

    def start(
        self, words: Sequence[str], env: Mapping[str, str], cwd: str, stdin: int, stdout: int, stderr: int
    ) -> Forked:
        """Start nothing."""
        raise NotWarm("this system has no forks")

    def wait(self) -> Ended:
        """Say that it has ended."""
        return Ended(0)

    def close(self) -> None:
        """Do nothing."""


def serve() -> Optional[ForkRequest]:
    """Return None at once: there is nothing to serve."""
    return None


def report_modules() -> None:
    """Do nothing: no process is a fork."""
