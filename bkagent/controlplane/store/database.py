"""One SQLite file, used by many threads of one process: one connection, one lock, changes as transactions.

The schema is born whole: its tables and its version are made in one transaction, so a file has either all of it or
nothing. A file of an older version is upgraded in the same way when it is opened. The
write-ahead log keeps what was committed if the process dies; a power cut may lose the last moments.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import Any, Iterator, List, Sequence, Tuple

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.store import disk_errors
from bkagent.errors import ConfigError

BUSY_WAIT_S = 10.0


class Database:
    """An open store. Every use takes `lock`, so a caller holding it sees nothing change in between."""

    def __init__(self, path: str, schema: Sequence[str], upgrades: Sequence[Sequence[str]] = ()) -> None:
        """Open or make the file. `upgrades` has the statements that lead from each version to the next, from 1 on.

        Raises ConfigError saying what is wrong with it, or that Python has no sqlite3.
        """
        self._sqlite = _sqlite()
        self._path = path
        self.lock = threading.RLock()
        self._changing = False
        try:
            _close_to_others(path)
        except OSError as error:
            raise ConfigError(f"cannot open the store {path}: {error.strerror}") from error
        try:
            self._connection = self._sqlite.connect(
                path, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False
            )
            self._prepare(schema, upgrades)
        except self._sqlite.Error as error:
            raise ConfigError(f"cannot open the store {path}: {error}") from error

    def _prepare(self, schema: Sequence[str], upgrades: Sequence[Sequence[str]]) -> None:
        current = len(upgrades) + 1
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run("PRAGMA foreign_keys = ON")
        run("BEGIN IMMEDIATE")
        try:
            version = run("PRAGMA user_version").fetchone()[0]
            if not 0 <= version <= current:
                raise ConfigError(
                    f"the store {self._path} has version {version}, and this bkagent reads versions 1 to {current}: "
                    "use the newer bkagent that made it, or another folder"
                )
            for statements in upgrades[version - 1 :] if version else (schema,):
                for statement in statements:
                    run(statement)
            run(f"PRAGMA user_version = {current}")
            run("COMMIT")
        finally:
            self._undo()

    @contextmanager
    def change(self) -> Iterator[None]:
        """Make everything in the block one transaction, with exclusive access; undone whole when it raises.

        Inside another change it is part of that one. Raises PlaneError when the file cannot be written.
        """
        with self.lock:
            if self._changing:
                yield
                return
            self.rows("BEGIN IMMEDIATE")
            self._changing = True
            try:
                yield
                self.rows("COMMIT")
            finally:
                self._undo()
                self._changing = False

    def _undo(self) -> None:
        """Undo a transaction that was not committed."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def rows(self, statement: str, values: Sequence[Any] = ()) -> List[Tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raises PlaneError when the store fails, DiskFull where that is why, Rejected for values that no column can hold.
        """
        with self.lock:
            try:
                return self._connection.execute(statement, values).fetchall()
            except self._sqlite.Error as error:
                raise disk_errors.of_store(self._path, error) from error
            except (UnicodeEncodeError, OverflowError) as error:
                text = "cannot store a text that is not Unicode, or a number of more than 64 bits"
                raise Rejected(text) from error

    def close(self) -> None:
        """Close the file; what was committed is in it."""
        with self.lock:
            self._connection.close()


def _close_to_others(path: str) -> None:
    """Let only this user read the file, made now if it is missing; those beside it that SQLite makes follow it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
    for name in (path, path + "-wal", path + "-shm"):
        if os.path.exists(name):
            os.chmod(name, 0o600)


def _sqlite() -> Any:
    """Return the module `sqlite3`. Some systems package Python without it."""
    try:
        import sqlite3
    except ImportError as error:
        raise ConfigError(
            "the control plane keeps its state with Python's sqlite3 module, which this Python lacks; "
            "install the full Python package of the system (on Debian: python3, not python3-minimal)"
        ) from error
    return sqlite3
