"""The control plane: hands jobs out, keeps what they do, knows what comes next. It speaks no protocol itself.

Everything is in one folder: `store.db`, `logs/`, `artifacts/`, `tokens/`. One process has it open at a time; within
that process any thread may call anything. Errors are those of `controlplane.errors`.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from typing import Callable, Optional

from bkagent.controlplane.errors import PlaneError
from bkagent.controlplane.plane.annotations import PlaneNotes
from bkagent.controlplane.plane.artifacts import PlaneArtifacts
from bkagent.controlplane.plane.expiry import PlaneClock
from bkagent.controlplane.plane.ledger import Timing
from bkagent.controlplane.plane.logs import PlaneLogs
from bkagent.controlplane.store.database import Database
from bkagent.controlplane.store.schema import SCHEMA
from bkagent.controlplane.tokens import AGENT, API, Tokens
from bkagent.controlplane.web import server_url
from bkagent.errors import ConfigError
from bkagent.system import file_lock, private_folder

TICK_S = 1.0

STORE_NAME = "store.db"


class Plane(PlaneClock, PlaneLogs, PlaneNotes, PlaneArtifacts):
    """An open control plane. Make one with `Plane.open`, end it with `close`."""

    _lock_descriptor: Optional[int] = None
    _ticker: Optional[threading.Thread] = None

    @classmethod
    def open(
        cls,
        data_path: str,
        *,
        organization: str = "local",
        clock: Callable[[], float] = time.time,
        timing: Timing = Timing(),  # noqa: B008 - frozen
        ticking: bool = True,
        within: str = "",
    ) -> "Plane":
        """Open or make the data folder. `ticking`: look once a second for what is over its time.

        `within`: a folder above it that is taken as it is, whoever may write to it.

        Raises ConfigError where it is in use, cannot be written, or was made by a newer version.
        """
        folder = private_folder.make(data_path, within)
        descriptor = _lock(folder)
        with ExitStack() as undo:
            undo.callback(os.close, descriptor)
            server_url.forget(folder)  # what a server that was killed has left
            for name in ("logs", "artifacts"):
                private_folder.make(os.path.join(folder, name), folder)
            tokens = Tokens(os.path.join(folder, "tokens"))
            db = Database(os.path.join(folder, STORE_NAME), SCHEMA)
            undo.pop_all()
        plane = cls(folder, db, tokens, organization, clock, timing)
        plane._lock_descriptor = descriptor
        plane._end_ticking = threading.Event()
        if ticking:
            plane._ticker = threading.Thread(target=plane._keep_ticking, name="control plane clock", daemon=True)
            plane._ticker.start()
        return plane

    _end_ticking: threading.Event

    @property
    def agent_token_path(self) -> str:
        """Return the file that holds the token with which agents register."""
        return self.tokens.path(AGENT)

    @property
    def api_token_path(self) -> str:
        """Return the file that holds the token of the REST API."""
        return self.tokens.path(API)

    def close(self) -> None:
        """Close everything; subscribers see their subscriptions closed. Closing twice does nothing."""
        if self._lock_descriptor is None:
            return
        descriptor, self._lock_descriptor = self._lock_descriptor, None
        self._end_ticking.set()
        if self._ticker is not None:
            self._ticker.join()
        self._feed.close()
        self._db.close()
        os.close(descriptor)

    def _keep_ticking(self) -> None:
        while not self._end_ticking.wait(TICK_S):
            try:
                self.tick()
            except PlaneError:
                # A full disk, say: whoever calls next is told of it, and this is tried again.
                continue


def _lock(folder: str) -> int:
    path = os.path.join(folder, server_url.LOCK)
    try:
        descriptor = file_lock.open_lock(path)
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror}") from error
    if not file_lock.lock_soon(descriptor):
        os.close(descriptor)
        raise ConfigError(
            f"the data folder {folder} is in use by another control plane; end it or choose another folder"
        )
    return descriptor
