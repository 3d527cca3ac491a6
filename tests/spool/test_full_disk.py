"""A log whose disk is full: it waits, gives up its middle, says how much that was, and never holds a job for ever.

On a real small disk, where this user may mount one.
"""

import errno
import os
import re
import threading

import pytest

from bkagent.spool import directory, result
from bkagent.spool.job_entry import attach
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from tests.fakes.small_disk import fill, small_disk

MARKER = re.compile(rb"\r\n\[bkagent: ([\d,]+) bytes of this log are missing here: [^\]]*\]\r\n")
JOB = JobManifest("job-1", "http://127.0.0.1/v3", "job-token")
SIZE = 4 * 1024 * 1024


@pytest.fixture
def disk(tmp_path):
    """Return the folder of a small disk."""
    with small_disk(tmp_path, SIZE) as folder:
        yield folder


def pieces(count, size=10_000):
    """Return text without a second like it: each piece tells its number."""
    return [(b"%06d " % number) * (size // 7) for number in range(count)]


def attached(disk, held_up_s):
    entry = directory.create(str(disk / "spool"), JOB)
    return entry, attach(entry.folder, held_up_s)


def test_while_it_may_still_wait_nothing_is_lost(disk):
    entry, side = attached(disk, 60.0)
    fill(disk / "filler", 100_000)
    freed = threading.Timer(0.5, os.unlink, (disk / "filler",))
    freed.start()
    printed = pieces(50)
    for piece in printed:
        side.append(piece)
    side.finish(Result(0))
    side.close()
    freed.join()
    with open(entry.log_path, "rb") as log:
        assert log.read() == b"".join(printed)


def test_the_middle_is_given_up_and_the_rest_goes_on_when_there_is_room(disk, monkeypatch):
    monkeypatch.setattr("bkagent.spool.full_disk_writer._LOOK_EVERY_S", 0.0)
    entry, side = attached(disk, 0.3)
    fill(disk / "filler", 100_000)
    printed = pieces(200)
    for piece in printed[:150]:
        side.append(piece)
    os.unlink(disk / "filler")
    for piece in printed[150:]:
        side.append(piece)
    side.finish(Result(0))
    side.close()
    check(entry, b"".join(printed), markers=1)


def test_a_disk_that_stays_full_has_head_marker_tail_and_result(disk):
    entry, side = attached(disk, 0.3)
    fill(disk / "filler", 100_000)
    printed = pieces(200)
    for piece in printed:
        side.append(piece)
    side.finish(Result(3))
    side.close()
    log = check(entry, b"".join(printed), markers=1)
    assert len(log) > 100_000 and log.endswith(printed[-1])
    assert result.read(entry.folder).exit_status == 3
    assert not os.path.exists(os.path.join(entry.folder, "reserve"))


def check(entry, printed, markers):
    """See that what is there and what the markers say make up what was printed; return the log."""
    with open(entry.log_path, "rb") as file:
        log = file.read()
    parts = MARKER.split(log)
    assert len(parts) == 2 * markers + 1
    at = 0
    for text, missing in zip(parts[::2], [*parts[1::2], b"0"]):
        assert printed[at : at + len(text)] == text
        at += len(text) + int(missing.replace(b",", b""))
    assert at == len(printed)
    return log


def test_without_trouble_nothing_is_left_of_it(tmp_path):
    entry = directory.create(str(tmp_path / "spool"), JOB)
    side = attach(entry.folder)
    assert os.path.getsize(os.path.join(entry.folder, "reserve")) > 100_000
    side.append(b"x")
    side.finish(Result(0))
    side.close()
    assert not os.path.exists(os.path.join(entry.folder, "reserve"))


def test_a_marker_that_finds_no_room_is_written_later_and_counts_all(tmp_path, monkeypatch):
    """As with a quota, which the free room of a disk says nothing of."""
    write, is_full = os.write, [False]

    def writes(fd, data):
        if is_full[0] and len(data) > 1:  # a ring of the bell takes no room
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return write(fd, data)

    entry = directory.create(str(tmp_path / "spool"), JOB)
    side = attach(entry.folder, 0.0)
    monkeypatch.setattr("bkagent.spool.full_disk_writer._LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(os, "write", writes)
    printed = pieces(60)
    for number, piece in enumerate(printed):
        is_full[0] = 10 <= number < 40
        side.append(piece)
    monkeypatch.undo()
    side.finish(Result(0))
    side.close()
    check(entry, b"".join(printed), markers=1)
