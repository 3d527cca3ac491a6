"""The times of group headers in a log that carries none."""

import random
import threading

import pytest

from bkagent.errors import Refused
from bkagent.logs.header_times import HeaderTimes
from bkagent.logs.upload.uploader import Uploader
from bkagent.spool import directory
from bkagent.spool.job_entry import attach
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result

NOW_NS = 1_700_000_000_000_000_005
MOMENT = "2023-11-14T22:13:20.000000005Z"


@pytest.fixture
def entry(tmp_path):
    return directory.create(
        str(tmp_path / "spool"), JobManifest("job-1", "", "", ansi_timestamps=False, chunk_interval_s=0.01)
    )


def told(entry, send=None, said=None):
    """Return a watcher whose batches end up in the list beside it."""
    batches = []
    report = (said if said is not None else []).append
    return HeaderTimes(
        entry, send or batches.append, lambda _level, text, _event: report(text), lambda: NOW_NS
    ), batches


def test_headers_are_numbered_from_nought_in_the_order_of_the_log(entry):
    entry.append(
        b"--- one\r\nx --- no\n\x1b[33m+++\x1b[0m two\n---no\n^^^ +++\n-\x1b[1m-- three\n"
        b"~~~\tfour\n--- \nout --- \n--- last"
    )
    times, batches = told(entry)
    times.note_size(entry.log_size())
    times.close()
    assert batches == [{str(number): MOMENT for number in range(6)}]


def test_a_header_is_seen_once_however_the_log_grows(entry):
    for seed in range(30):
        chance = random.Random(seed)
        lines = [b"--- a\n", b"\x1b[1m+++\x1b[0m b\r\n", b"text\n", b"\n", b"~~~ c\n"]
        data = b"".join(chance.choice(lines) for _ in range(20))
        start = entry.log_size()
        times, batches = told(entry)
        times.note_size(start)
        entry.append(data)
        for size in sorted(chance.sample(range(start, start + len(data)), 10)) + [start + len(data)]:
            times.note_size(size)
        times.close()
        with open(entry.log_path, "rb") as log:
            whole = log.read()
        headers = sum(whole.count(mark) for mark in (b"--- a", b"+++\x1b[0m b", b"~~~ c"))
        numbers = sorted(int(number) for batch in batches for number in batch)
        assert numbers == list(range(headers - len(numbers), headers))  # those before were told by earlier rounds


def test_the_next_agent_goes_on_with_the_next_header(entry):
    entry.append(b"--- one\n--- two\n")
    first, told_first = told(entry)
    first.note_size(entry.log_size())
    first.close()
    entry.append(b"--- three\n")
    second, told_second = told(entry)
    second.note_size(entry.log_size())
    second.close()
    assert [list(batch) for batch in told_first + told_second] == [["0", "1"], ["2"]]


def test_a_refusal_is_told_and_holds_nothing_up(entry):
    def refuse(_times):
        raise Refused("404: no such job", 404)

    said = []
    entry.append(b"--- one\n")
    times, _ = told(entry, refuse, said)
    times.note_size(entry.log_size())
    times.close()
    assert said == ["could not upload header times: 404: no such job"]


def test_a_job_that_prints_headers_without_end_is_told_up_to_a_limit(entry):
    entry.append(b"--- x\n" * 250_000)
    times, batches = told(entry)
    times.note_size(entry.log_size())
    times.close()
    assert sum(map(len, batches)) == 100_000
    assert max(map(len, batches)) <= 1000


def test_the_uploader_shows_the_log_as_it_grows(entry):
    times, batches = told(entry)
    uploader = Uploader(entry, lambda *_chunk: None, lambda *_words: None, watch=times.note_size)
    uploading = threading.Thread(target=uploader.run, args=(threading.Event(),))
    uploading.start()
    side = attach(entry.folder)
    for number in range(50):
        side.append(b"+++ %d\n" % number)
    side.finish(Result(0))
    side.close()
    uploading.join(20)
    times.close()
    assert sorted(int(number) for batch in batches for number in batch) == list(range(50))
