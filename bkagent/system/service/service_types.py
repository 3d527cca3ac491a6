"""What is said to, and by, the program of the system that runs services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

# States, in the order of their numbers in Windows' winsvc.h, from 1.
STATES = ("stopped", "starting", "stopping", "running", "resuming", "pausing", "paused")
STOP, SHUTDOWN = "stop", "shutdown"  # what a service is asked for
STORE_ERROR_STATUS = 9009  # of cmd.exe and of the aliases of the Microsoft Store: there is no such program


class ServiceError(Exception):
    """The system refused something about a service. `code` is Windows' error code, the text Windows' own sentence."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text or f"error {code}")
        self.code = code


@dataclass(frozen=True)
class ServiceDefinition:
    """A service to install. `password` is "" for accounts that Windows itself logs on."""

    name: str
    description: str
    command_line: str
    account: str
    password: str
    preshutdown_s: float  # how long a shutdown of the machine waits for it
    restart_delays_s: Tuple[float, ...]  # after each failure; the last one repeats


@dataclass(frozen=True)
class ServiceState:
    """An installed service. `exit_code` is its own where it ended by itself, else Windows' error code."""

    state: str
    process_id: int
    exit_code: int
    checkpoint: int
    wait_hint_s: float
    command_line: str
    account: str


@dataclass(frozen=True)
class ServiceStatus:
    """What a service says of itself: one of STATES, and while it starts or stops a checkpoint that rises."""

    state: str
    checkpoint: int = 0
    wait_hint_s: float = 0.0
    exit_status: int = 0
