"""The folder where callers ask, and the side of the agent; the promises are in `stand_in`, the form in its script."""

import os
import select
import sys
import time

from bkagent.system.stand_in.stand_in_script import ANSWER, QUEUE, SERVER, SLOT, SLOTS

assert sys.platform == "linux"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Container, Iterator, List, Optional, Tuple

AVAILABLE = True
NO = b"no\n"
NO_JOBS = b"e"  # on the line to the warm process: no job is left that could ask
_BEGUN = b"begun"
_READ_BYTES = 65536
_SLOT_BYTES = 64  # a number and a word
LAST_S = 1.0  # callers that saw a process just before it left have asked by then
_SEEN_EVERY_S = 0.02
_WRITTEN_WITHIN_S = 60.0
_LOOK_AGAIN_S, _READS_WITHIN_S = 0.0005, 0.5
_GONE_WITHIN_MS = 100  # a script that was told closes its file at once; one that was stopped keeps its slot for now


class Requests:
    """Reads the queue. `fd` is non-blocking."""

    def __init__(self, folder: str, fd: int) -> None:
        self._folder, self._fd = folder, fd
        self._rest = b""

    def read(self) -> "List[Tuple[int, int]]":
        """Return (PID, slot) of each caller who has asked; what has another form, or a slot of another, is left out."""
        try:
            data = self._rest + os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return []
        *lines, self._rest = data.split(b"\n")
        requests = []
        for line in lines:
            pid, _, slot = line.partition(b" ")
            if pid.isdigit() and slot.isdigit() and int(slot) < SLOTS and holder(self._folder, int(slot)) == int(pid):
                requests.append((int(pid), int(slot)))
        return requests


class Queue:
    """The queue as an agent keeps it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        _make_fifos(folder, [QUEUE])
        # Open for writing too, so that no caller waits for a reader, and the queue has no end.
        self.fd = os.open(os.path.join(folder, QUEUE), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._requests = Requests(folder, self.fd)

    def make_answers(self) -> None:
        """Make what callers are answered by. Until then they ask, and do not wait: few agents' jobs ever call."""
        _make_fifos(self._folder, [f"{ANSWER}{slot}" for slot in range(SLOTS)])

    def announce(self) -> None:
        """Let callers ask this process."""
        announce(self._folder, self.fd)

    def refuse(self) -> None:
        """Answer the callers who have asked. Waits for those who do not read yet, which takes them no time."""
        asking = self._requests.read()
        deadline = time.monotonic() + _READS_WITHIN_S
        while asking:
            asking = [(pid, slot) for pid, slot in asking if not self._refuse(slot) and lives(pid)]
            if asking:
                time.sleep(_LOOK_AGAIN_S)
            if time.monotonic() > deadline:  # one that has been stopped, say; it asks again when it goes on
                os.write(self.fd, b"".join(b"%d %d\n" % request for request in asking))
                return

    def sweep(self) -> None:
        """Answer all callers who wait, and free the slots of those who do not."""
        for slot in taken_slots(self._folder):
            pid = holder(self._folder, slot)
            if pid is None:
                continue
            if is_left(self._folder, slot, pid):
                free(self._folder, slot)
            elif not has_begun(self._folder, slot):  # who has a fork is answered by that
                self._refuse(slot)

    def close(self) -> None:
        """Stop answering; takes a second. Raises OSError."""
        forget(self._folder)
        deadline = time.monotonic() + LAST_S
        while time.monotonic() < deadline:
            self.refuse()
            self.sweep()
            time.sleep(_SEEN_EVERY_S)
        os.close(self.fd)

    def _refuse(self, slot: int) -> bool:
        """Answer the caller of a slot if it reads, and say whether it did; free the slot when it reads no more."""
        line = open_answer(self._folder, slot)
        if line is None:
            return False
        try:
            os.write(line, NO)
            poller = select.poll()
            poller.register(line, 0)
            if poller.poll(_GONE_WITHIN_MS):
                free(self._folder, slot)
        except OSError:
            pass  # it has gone away
        finally:
            os.close(line)
        return True


def announce(folder: str, fd: int) -> None:
    """Name this process, which has the queue open as `fd`, as the one that answers."""
    aside = os.path.join(folder, f".{SERVER}.{os.getpid()}")
    with open(aside, "w", encoding="ascii") as file:
        file.write(f"{os.getpid()} {fd}\n")
    os.replace(aside, os.path.join(folder, SERVER))


def forget(folder: str) -> None:
    """Name no process as the one that answers."""
    try:
        os.unlink(os.path.join(folder, SERVER))
    except FileNotFoundError:
        pass


def forget_own(folder: str) -> None:
    """Name this process no more. The name of another, whose agent has the lock by now, stays or is put back."""
    path, aside = os.path.join(folder, SERVER), os.path.join(folder, f".{SERVER}.{os.getpid()}")
    try:
        os.rename(path, aside)
        with open(aside, encoding="ascii") as file:
            is_own = file.read().partition(" ")[0] == str(os.getpid())
        if not is_own:
            os.link(aside, path)
    except OSError:
        pass  # nothing is named, or yet another process by now
    try:
        os.unlink(aside)
    except OSError:
        pass


def _make_fifos(folder: str, names: "List[str]") -> None:
    present = set(os.listdir(folder))
    for name in names:
        if name not in present:
            try:
                os.mkfifo(os.path.join(folder, name), 0o600)
            except FileExistsError:
                pass  # an agent without the lock has been as fast


def taken_slots(folder: str) -> "List[int]":
    """Return the slots that have a holder, in order; none where the folder is gone."""
    try:
        numbers = [name[len(SLOT) :] for name in os.listdir(folder) if name.startswith(SLOT)]
    except OSError:
        return []
    return sorted(int(number) for number in numbers if number.isdigit() and int(number) < SLOTS)


def holder(folder: str, slot: int) -> "Optional[int]":
    """Return the PID of the caller that has a slot; None for a free one, 0 for one that is not written yet."""
    words = _read_slot(folder, slot)
    if words is None:
        return None
    return int(words[0]) if words and words[0].isdigit() else 0


def mark_begun(folder: str, slot: int) -> None:
    """Note that a fork is at work for the caller of a slot."""
    try:
        fd = os.open(os.path.join(folder, f"{SLOT}{slot}"), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            os.write(fd, _BEGUN + b"\n")
        finally:
            os.close(fd)
    except OSError:
        pass  # without the note the caller is told sooner that its fork is lost, if that is


def has_begun(folder: str, slot: int) -> bool:
    """Whether a fork has been at work for the caller of a slot."""
    return _BEGUN in (_read_slot(folder, slot) or [])


def unanswered(folder: str) -> "Iterator[Tuple[int, int]]":
    """Return (PID, slot) of each caller that waits and has no fork at work for it."""
    for slot in taken_slots(folder):
        pid = holder(folder, slot)
        if pid and lives(pid) and not has_begun(folder, slot):
            yield pid, slot


def _read_slot(folder: str, slot: int) -> "Optional[List[bytes]]":
    try:
        fd = os.open(os.path.join(folder, f"{SLOT}{slot}"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, _SLOT_BYTES).split()
    except OSError:
        return None
    finally:
        os.close(fd)


def lives(pid: int) -> bool:
    """Whether there is a process of this number."""
    return os.path.exists(f"/proc/{pid}")


def is_left(folder: str, slot: int, pid: int) -> bool:
    """Whether a slot has no holder any more: it has died, or could not write its number for lack of room."""
    if pid:
        return not lives(pid)
    try:
        return time.time() - os.stat(os.path.join(folder, f"{SLOT}{slot}")).st_mtime > _WRITTEN_WITHIN_S
    except OSError:
        return False


def sweep_left(folder: str, in_use: "Container[int]") -> None:
    """Free the slots without a holder, but for those `in_use`."""
    for slot in taken_slots(folder):
        pid = holder(folder, slot)
        if pid is not None and slot not in in_use and is_left(folder, slot, pid):
            free(folder, slot)


def open_answer(folder: str, slot: int) -> "Optional[int]":
    """Return a descriptor to write to the caller of a slot; None while it does not read yet, or not any more."""
    try:
        return os.open(os.path.join(folder, f"{ANSWER}{slot}"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None


def free_of(folder: str, slot: int, pid: int) -> None:
    """Let another caller have a slot, unless that has happened already."""
    if holder(folder, slot) == pid:
        free(folder, slot)


def free(folder: str, slot: int) -> None:
    """Let another caller have a slot."""
    try:
        os.unlink(os.path.join(folder, f"{SLOT}{slot}"))
    except OSError:
        pass
