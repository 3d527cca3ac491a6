"""The journal of the locks, `agent-locks.journal`: hands them from one leader to the next.

The first line is {"format", "boot"}, each other one {"key", "state"} with the whole state of a key that has changed,
null for a free one. What is written survives every process, but not the machine: `lock do` may mean once per boot.
The agent that holds the kernel lock of the leader is the only writer.
"""

from __future__ import annotations

import os
import time
from typing import Callable, Dict, Mapping, Optional, Tuple

from bkagent.errors import AgentError, WireError
from bkagent.localapi.leader.key_state import KeyState, from_document, to_document
from bkagent.system import renaming
from bkagent.system.durable import replace_file
from bkagent.system.plain_file import open_plain, read_plain
from bkagent.wire import json_text, lock_protocol
from bkagent.wire.log_events import EventReport
from bkagent.wire.reader import Reader

FORMAT = 1
LIMIT_BYTES = 256 * 1024 * 1024
_SPARE_BYTES = 1024 * 1024  # how much more than twice its states a journal may have before it is written anew
_PAUSE_S = 1.0  # between two tries to write to a disk that is full, say


class _Damaged(AgentError):
    """A journal that is not read. The message says why, without its path."""


class LockJournal:
    """The journal, open for writing; `states` are what it had. Not thread-safe: the table guards it."""

    def __init__(
        self,
        path: str,
        boot_id: str,
        states: Mapping[str, KeyState],
        report: EventReport,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write the journal anew. Raises OSError."""
        self._path, self._boot_id, self._report, self._clock_s = path, boot_id, report, clock_s
        self.states = dict(states)
        self._lines_bytes: Dict[str, int] = {}  # of each key's last line
        self._least_bytes = self._length_bytes = 0
        self._failed_at_s: Optional[float] = None
        self._fd = -1
        self._write_all(self.states)

    @classmethod
    def open(cls, folder: str, boot_id: str, report: EventReport) -> Optional[LockJournal]:
        """Return the journal in the folder of the sockets, or None, which is reported, where there can be none.

        A journal of another boot is discarded. What cannot be read is moved aside and named.
        """
        path = os.path.join(folder, lock_protocol.JOURNAL)
        if not boot_id:
            text = "this system has no boot id, so locks do not survive the agent that leads"
            report("info", text, "locks.journal_unavailable")
            return None
        try:
            return cls(path, boot_id, _read_or_discard(path, boot_id, report), report)
        except OSError as problem:
            text = f"locks do not survive the agent that leads: {path}: {problem.strerror or problem}"
            report("warn", text, "locks.journal_unavailable")
            return None

    def note(self, key: str, states: Mapping[str, KeyState]) -> None:
        """Write down the state that a key has now; `states` has all keys that are not free.

        A journal that cannot be written is reported, and written anew as soon as that works.
        """
        if self._failed_at_s is not None and self._clock_s() < self._failed_at_s + _PAUSE_S:
            return
        try:
            if self._failed_at_s is None and self._length_bytes < 2 * self._least_bytes + _SPARE_BYTES:
                self._append(key, _line(key, states.get(key)), key not in states)
            else:
                self._write_all(states)
        except OSError as problem:
            if self._failed_at_s is None:
                text = f"locks do not survive the agent that leads for now: {self._path}: {problem.strerror or problem}"
                self._report("warn", text, "locks.journal_failed")
            self._failed_at_s = self._clock_s()
        else:
            self._failed_at_s = None

    def close(self) -> None:
        """Close the file; what is noted later is lost."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._failed_at_s = float("inf")

    def _append(self, key: str, line: bytes, is_free: bool) -> None:
        written = os.write(self._fd, line)
        while written < len(line):
            # Half a line may stay, when the rest fails: the journal is written anew before anything follows it.
            written += os.write(self._fd, line[written:])
        self._length_bytes += len(line)
        self._least_bytes -= self._lines_bytes.pop(key, 0)
        if not is_free:
            self._lines_bytes[key] = len(line)
            self._least_bytes += len(line)

    def _write_all(self, states: Mapping[str, KeyState]) -> None:
        lines = {key: _line(key, state) for key, state in states.items()}
        head = json_text.dumps({"format": FORMAT, "boot": self._boot_id}).encode("ascii") + b"\n"
        whole = head + b"".join(lines.values())
        if self._fd >= 0:
            os.close(self._fd)  # Windows does not replace an open file
            self._fd = -1
        replace_file(self._path, whole, to_disk=False)
        self._fd = open_plain(self._path, os.O_WRONLY | os.O_APPEND)
        self._lines_bytes = {key: len(line) for key, line in lines.items()}
        self._least_bytes = self._length_bytes = len(whole)


def _line(key: str, state: Optional[KeyState]) -> bytes:
    document = {"key": key, "state": None if state is None else to_document(state)}
    return json_text.dumps(document).encode("ascii") + b"\n"


def _read_or_discard(path: str, boot_id: str, report: EventReport) -> Dict[str, KeyState]:
    """Return what a journal of this boot has; {} for any other. Raises OSError where one cannot be moved aside."""
    try:
        boot, changes = _read_parts(path)
        if boot == boot_id:
            return _read_states(changes)
    except FileNotFoundError:
        return {}
    except (OSError, AgentError) as problem:
        reason = (problem.strerror or str(problem)) if isinstance(problem, OSError) else str(problem)
        aside = _move_aside(path)
        text = f"{path} cannot be used, so it is kept as {os.path.basename(aside)} and all locks are free: {reason}"
        report("warn", text, "locks.journal_set_aside")
        return {}
    report("info", f"{path} is of an earlier boot of this machine: all locks are free", "locks.journal_discarded")
    return {}


def _read_parts(path: str) -> Tuple[str, bytes]:
    """Return the boot that a journal is of, and what follows the first line. Raises OSError and AgentError."""
    _check_owner(path)
    first, newline, rest = read_plain(path, LIMIT_BYTES).partition(b"\n")
    head = _read_line(first if newline else b"", "first line")
    if head.whole("format", 0) != FORMAT:
        raise _Damaged(f"its format is not {FORMAT}, but of another release")
    return head.text("boot"), rest


def _check_owner(path: str) -> None:
    fd = open_plain(path, os.O_RDONLY)
    try:
        owner = os.fstat(fd).st_uid
    finally:
        os.close(fd)
    if hasattr(os, "geteuid") and owner != os.geteuid():
        raise _Damaged(f"it belongs to user {owner}")


def _read_states(changes: bytes) -> Dict[str, KeyState]:
    states: Dict[str, KeyState] = {}
    lines = changes.split(b"\n")
    lines.pop()  # without its end it was being written
    for number, line in enumerate(lines, 2):
        row = _read_line(line, f"line {number}")
        key, document = row.text("key"), row.fields("state")
        states[key] = from_document(document)
        if states[key].is_free:
            del states[key]
    return states


def _read_line(line: bytes, role: str) -> Reader:
    try:
        return Reader(json_text.loads(line), role)
    except ValueError as problem:
        raise WireError(f"{role}: {problem}") from None


def _move_aside(path: str) -> str:
    """Give what stands at `path` a name that is free; return it. Raises OSError."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = f"{path}.broken-{stamp}"
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = f"{path}.broken-{stamp}-{number}"
    renaming.rename(path, aside)
    return aside
