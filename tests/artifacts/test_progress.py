"""What is said of a transfer under way: how much, how fast, how long."""

import io

import pytest

from bkagent.artifacts.progress import Progress, ProgressLines, TransferProgress
from bkagent.cli.in_job.progress_bar import ProgressBar


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


def reported(steps):
    clock, lines = Clock(), []
    progress = TransferProgress(ProgressLines(lambda level, text: lines.append(text), "Uploaded"), clock)
    progress.expect(2, lambda: 1000)
    for after_s, size in steps:
        clock.now_s += after_s
        progress.add(size)
    progress.end()
    clock.now_s += 100
    progress.add(1)
    return lines


def test_a_short_transfer_says_nothing():
    assert reported([(1, 500), (3.9, 500)]) == []


def test_lines_come_every_few_seconds_with_rate_and_time_left():
    assert reported([(5, 100), (1, 100), (4, 300)]) == [
        "Uploaded 100 B of 1000 B (10%), 0 of 2 files, 20 B/s, 0:46 left",
        "Uploaded 500 B of 1000 B (50%), 0 of 2 files, 50 B/s, 0:11 left",
    ]


def test_a_try_that_was_for_nothing_is_taken_back():
    assert reported([(6, 600), (1, -600), (5, 50)])[1].startswith("Uploaded 50 B of 1000 B (5%)")


def test_nothing_is_said_while_nothing_moves():
    assert reported([(6, 0), (60, 0)]) == []


def test_the_rate_is_that_of_the_last_seconds():
    lines = reported([(5, 500)] + [(5, 10)] * 5)
    assert "100 B/s" in lines[0] and "2 B/s" in lines[-1]


def test_a_pause_before_another_try_is_not_part_of_the_rate():
    lines = reported([(1, 100), (5, 100), (60, 10), (2, 200), (4, 400)])
    assert "33 B/s" in lines[0] and "B/s" not in lines[1] and "100 B/s" in lines[2]


def test_a_line_that_moves_slowly_has_a_rate():
    assert "2 B/s" in reported([(5, 10)] * 10)[-1]


@pytest.mark.parametrize(
    "left_bytes, rate, text",
    [
        (10, 1.0, "0:11"),
        (4000, 1.0, "1:06:41"),
        (0, 1.0, ""),
        (10, 0.0, ""),
        (10, 0.01, ""),
        (27_000_000, 2.0, ""),
    ],  # fmt: skip
)
def test_time_left(left_bytes, rate, text):
    assert Progress(100 - left_bytes if left_bytes < 100 else 0, max(100, left_bytes), 0, 1, rate).left_text == text


def test_the_first_small_files_tell_no_rate():
    """What a bar would show after half a second: one byte of many says nothing of the rest."""
    clock, shown = Clock(), []

    class View:
        pause_s = 0.2

        def show(self, progress):
            shown.append((progress.bytes_done, progress.rate, progress.left_text))

        def end(self):
            pass

    progress = TransferProgress(View(), clock)
    progress.expect(2, lambda: 1001)
    for size in (1, 500):
        clock.now_s += 0.5
        progress.add(size)
    assert shown == [(1, 0.0, ""), (501, 501.0, "0:01")]


@pytest.mark.parametrize("columns_count", [1, 10, 40, 60, 80, 300])
def test_a_bar_fits_its_terminal(monkeypatch, columns_count):
    monkeypatch.setattr("bkagent.cli.in_job.progress_bar._columns", lambda err: columns_count)
    err = io.StringIO()
    bar = ProgressBar(err, lambda level, text: err.write(text + "\n"), "Uploading")
    bar.show(Progress(512 * 1024, 1024 * 1024, 3, 20, 1024.0))
    bar.report("info", "a message")
    bar.end()
    drawn = err.getvalue().split("\r\x1b[K")
    assert drawn[0] == "" and drawn[2].startswith("a message\n") and drawn[3] == ""
    line = drawn[1]
    assert drawn[2] == "a message\n" + line and len(line) < max(2, columns_count)
    assert columns_count < 60 or ("[##" in line and " 50%" in line and "512 KiB/1.0 MiB" in line)
    assert columns_count < 80 or "1.0 KiB/s" in line and "8:33 left" in line
    assert columns_count < 300 or line.endswith("3/20 files")
