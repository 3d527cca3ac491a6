"""The journal of the locks: what the next leader gets of it, whatever has become of the file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import pytest

from bkagent.localapi.leader import lock_journal
from bkagent.localapi.leader.bids import MutexBid, OnceBid
from bkagent.localapi.leader.key_state import Holder, KeyState
from bkagent.localapi.leader.lock_journal import LockJournal
from bkagent.localapi.leader.lock_table import LockTable
from bkagent.wire.lock_protocol import JOURNAL
from tests.localapi.leader.lock_site import ask_table

BOOT = "1f7c"
HEAD = b'{"format":1,"boot":"1f7c"}\n'
Reports = List[Tuple[str, ...]]


def open_journal(folder: Path, boot: str = BOOT) -> "Tuple[Optional[LockJournal], Reports]":
    reports: Reports = []
    return LockJournal.open(str(folder), boot, lambda *about: reports.append(about)), reports


def states_in(folder: Path, boot: str = BOOT) -> "Tuple[Dict[str, str], Reports]":
    """Return what a leader finds, by the keys' values, and what it reports."""
    journal, reports = open_journal(folder, boot)
    assert journal is not None
    journal.close()
    return {key: state.value for key, state in journal.states.items()}, reports


def new_table(journal: Optional[LockJournal]) -> LockTable:
    table = LockTable(journal, lambda path, tell: None, clock_ns=lambda: 1000)
    table.lead()
    return table


def write_some(folder: Path) -> bytes:
    """Return the journal of a leader that was killed after some changes of every kind."""
    journal, reports = open_journal(folder)
    table = new_table(journal)
    holder = Holder("t1", 1, 7, "job-1", "agent-1", "/spool/job-1/alive", since_ns=5)
    ask_table(table, "mutex", MutexBid(holder, ttl_ns=10**15))
    for number in range(3):
        ask_table(table, "counted ☃", MutexBid(Holder(f"c{number}", 3, keep=True)))
    ask_table(table, "once", OnceBid(Holder(pid=9)))
    table.compare_and_swap("once", "doing", "done")
    table.compare_and_swap("raw\udcff", "", "text <&>")
    table.release("counted ☃", "c1")
    table.compare_and_swap("gone", "", "x")
    table.compare_and_swap("gone", "x", "")
    assert not reports
    return (folder / JOURNAL).read_bytes()


def test_the_next_leader_has_everything(tmp_path: Path) -> None:
    write_some(tmp_path)
    journal, reports = open_journal(tmp_path)
    assert journal is not None and not reports
    assert {key: state.value for key, state in journal.states.items()} == {
        "mutex": "t1", "counted ☃": "slots(2/3)", "once": "done", "raw\udcff": "text <&>",
    }  # fmt: skip
    (holder,) = journal.states["mutex"].holders
    assert (holder.pid, holder.job, holder.agent, holder.alive) == (7, "job-1", "agent-1", "/spool/job-1/alive")
    assert holder.expires_ns == 1000 + 10**15 and holder.granted_ns > 0 and not holder.keep
    # And what it changes itself comes after that.
    table = new_table(journal)
    table.release("mutex", "t1")
    assert sorted(states_in(tmp_path)[0]) == ["counted ☃", "once", "raw\udcff"]


def test_a_journal_that_ends_anywhere_has_its_whole_lines(tmp_path: Path) -> None:
    table = new_table(open_journal(tmp_path)[0])
    table.compare_and_swap("a", "", "x")
    ask_table(table, "b", MutexBid(Holder("t")))
    table.compare_and_swap("a", "x", "")
    data = (tmp_path / JOURNAL).read_bytes()
    assert data.startswith(HEAD)
    expected: Dict[str, object] = {}
    lines = data.splitlines(keepends=True)
    ends = {sum(map(len, lines[:count])): json.loads(lines[count - 1]) for count in range(2, len(lines) + 1)}
    for cut in range(len(data) + 1):
        (tmp_path / JOURNAL).write_bytes(data[:cut])
        if cut in ends:
            expected[ends[cut]["key"]] = ends[cut]["state"]
        states, reports = states_in(tmp_path)
        assert sorted(states) == sorted(key for key, state in expected.items() if state is not None), cut
        assert [report[2] for report in reports] == (["locks.journal_set_aside"] if cut < len(HEAD) else []), cut
        assert (tmp_path / JOURNAL).read_bytes().startswith(HEAD)


def test_a_journal_of_another_boot_is_discarded(tmp_path: Path) -> None:
    write_some(tmp_path)
    states, reports = states_in(tmp_path, "other")
    assert states == {} and [report[::2] for report in reports] == [("info", "locks.journal_discarded")]
    assert os.listdir(tmp_path) == [JOURNAL]


def link(path: Path) -> None:
    (path.parent / "elsewhere").write_bytes(HEAD + b'{"key":"k","state":{"text":"x"}}\n')
    path.symlink_to("elsewhere")


def folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("x")


def zeros(path: Path) -> None:
    path.touch()
    os.truncate(path, 50_000_000)


def of_another_user(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    path.write_bytes(HEAD)
    os.chown(path, 1, 1)


def content(data: bytes, times: int = 1) -> "Callable[[Path], None]":
    def write(path: Path) -> None:
        path.write_bytes(data * times)

    return write


DAMAGED = (
    (link, "it is a link"),
    (lambda path: path.symlink_to("missing"), "it is a link"),
    (folder, "regular file"),
    (os.mkfifo, "regular file"),
    (zeros, "first line: expected a JSON value"),
    (of_another_user, "it belongs to user 1"),
    (content(b"GIF89a\n", times=7_000_000), "first line: expected a JSON value"),
    (content(b'{"format":2,"boot":"1f7c","more":[]}\n'), "its format is not 1"),
    (content(b"[]\n"), "expected a JSON object"),
    (content(b'{"format":1,"boot":5}\n'), "boot must be"),
    (content(HEAD + b'{"key":"k","state":{"text":"x"}}\n{"key":\n{"key":"l","state":null}\n'), "line 3: "),
    (content(HEAD + b'{"key":"","state":null}\n'), "key must be a string that is not empty"),
    (content(HEAD + b'{"key":"k","state":{"holders":[{"slots":0}]}}\n'), "slots must be a whole number of"),
    (content(HEAD + b'{"key":"k","state":{"holders":{}}}\n'), "holders must be an array"),
    (content(HEAD + b"\xff\n"), "line 2: "),
)  # fmt: skip


@pytest.mark.parametrize(("put", "reason"), DAMAGED, ids=[case[1] for case in DAMAGED])
def test_what_is_no_journal_is_set_aside_and_named(put: "Callable[[Path], None]", reason: str, tmp_path: Path) -> None:
    put(tmp_path / JOURNAL)
    before = os.lstat(tmp_path / JOURNAL)
    states, reports = states_in(tmp_path)
    assert states == {}
    ((level, text, event),) = reports
    (aside,) = (name for name in os.listdir(tmp_path) if name.startswith(f"{JOURNAL}.broken-"))
    assert level == "warn" and event == "locks.journal_set_aside" and reason in text
    assert str(tmp_path / JOURNAL) in text and aside in text and "\n" not in text
    assert os.path.samestat(before, os.lstat(tmp_path / aside))
    assert (tmp_path / JOURNAL).read_bytes() == HEAD


def test_a_second_one_is_set_aside_under_another_name(tmp_path: Path) -> None:
    for _ in range(3):
        (tmp_path / JOURNAL).write_bytes(b"x")
        states_in(tmp_path)
    assert len(os.listdir(tmp_path)) == 4


def test_without_a_journal_there_is_one_report(tmp_path: Path) -> None:
    journal, reports = open_journal(tmp_path, "")
    assert journal is None and [report[::2] for report in reports] == [("info", "locks.journal_unavailable")]
    assert not os.listdir(tmp_path)
    journal, reports = open_journal(tmp_path / "missing")
    assert journal is None and [report[::2] for report in reports] == [("warn", "locks.journal_unavailable")]


def test_a_journal_is_written_anew_before_it_is_much_longer_than_its_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_journal, "_SPARE_BYTES", 2000)
    journal, _ = open_journal(tmp_path)
    table = new_table(journal)
    table.compare_and_swap("stays", "", "x")
    longest_bytes = 0
    for number in range(300):
        table.compare_and_swap("k", str(number) if number else "", str(number + 1))
        longest_bytes = max(longest_bytes, os.path.getsize(tmp_path / JOURNAL))
    assert 2000 < longest_bytes < 3000
    assert states_in(tmp_path)[0] == {"stays": "x", "k": "300"}


def test_a_full_disk_is_reported_once_and_made_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reports: Reports = []
    moment_s = [0.0]
    path = str(tmp_path / JOURNAL)
    journal = LockJournal(path, BOOT, {}, lambda *about: reports.append(about), lambda: moment_s[0])
    states = {"a": KeyState("1")}

    def write_half(fd: int, data: bytes) -> int:
        monkeypatch.setattr(os, "write", no_room)
        return write(fd, data[: len(data) // 2])

    def no_room(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    write = os.write
    monkeypatch.setattr(os, "write", write_half)
    for _ in range(3):
        journal.note("a", states)
        moment_s[0] += 2.0
    assert [report[::2] for report in reports] == [("warn", "locks.journal_failed")]
    assert "No space left on device" in reports[0][1]
    monkeypatch.undo()
    states["b"] = KeyState("2")
    journal.note("b", states)
    journal.close()
    assert states_in(tmp_path) == ({"a": "1", "b": "2"}, [])
    assert os.listdir(tmp_path) == [JOURNAL]
