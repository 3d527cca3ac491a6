"""Times in the log: before each line, never inside an escape sequence."""

import random
import re

import pytest

from bkagent.logs.stampers import AnsiStamper, LinePrefixStamper

ESC, BEL = 0x1B, 0x07


def code(ms):
    return b"\x1b_bk;t=%d\x07" % ms


class Clock:
    def __init__(self, now=1_700_000_000_000):
        self.now = now

    def __call__(self):
        return self.now


class Model:
    """The rule as it is stated, byte by byte."""

    LINE_END = re.compile(rb"\n|\x1b\[[012]?K")

    def __init__(self, now_ms):
        self.now_ms, self.due, self.stamped_ms, self.state = now_ms, True, 0, "text"

    def feed(self, data):
        now_ms = self.now_ms()
        ends = {found.end() for found in self.LINE_END.finditer(data)}
        out = b""
        for at in range(len(data)):
            self.due = self.due or at in ends
            stale = at == 0 and now_ms - self.stamped_ms > 1000
            if (at == 0 or at in ends) and self.state == "text" and (self.due or stale):
                out += code(now_ms)
                self.due, self.stamped_ms = False, now_ms
            out += data[at : at + 1]
            self.state = self.after(data[at])
        self.due = self.due or len(data) in ends
        return out

    def after(self, letter):
        if self.state in ("string", "string escape"):
            if letter == BEL or (self.state == "string escape" and letter == ord("\\")):
                return "text"
            return "string escape" if letter == ESC else "string"
        if letter == ESC:
            return "escape"
        if self.state == "escape":
            return "csi" if letter == ord("[") else "string" if letter in b"]PX^_" else "text"
        return "csi" if self.state == "csi" and 0x20 <= letter <= 0x3F else "text"


def test_each_line_begins_with_a_time_when_its_first_byte_comes():
    clock = Clock()
    stamper = AnsiStamper(clock)
    first = code(clock.now)
    assert stamper.feed(b"one\r\n\r\ntwo\r\n") == first + b"one\r\n" + first + b"\r\n" + first + b"two\r\n"
    clock.now += 5
    assert stamper.feed(b"three") == code(clock.now) + b"three"
    assert stamper.feed(b" and more") == b" and more"
    assert stamper.feed(b"") == b""


def test_a_line_that_goes_on_after_more_than_a_second_gets_another_time():
    clock = Clock()
    stamper = AnsiStamper(clock)
    stamper.feed(b"working")
    clock.now += 1000
    assert stamper.feed(b".") == b"."
    clock.now += 1
    assert stamper.feed(b".") == code(clock.now) + b"."


@pytest.mark.parametrize("erase", [b"\x1b[K", b"\x1b[0K", b"\x1b[1K", b"\x1b[2K"])
def test_erasing_in_a_line_begins_one(erase):
    clock = Clock()
    mark = code(clock.now)
    assert AnsiStamper(clock).feed(b"10%\r" + erase + b"20%") == mark + b"10%\r" + erase + mark + b"20%"
    stamper = AnsiStamper(clock)
    assert stamper.feed(b"10%\r" + erase[:-1]) + stamper.feed(b"K20%") == mark + b"10%\r" + erase + b"20%"


@pytest.mark.parametrize("begun", [b"\x1b", b"\x1b[", b"\x1b[38;5", b"\x1b]0;ti", b"\x1bPq", b"\x1b_a\x1b"])
def test_no_time_inside_an_unfinished_sequence(begun):
    clock = Clock()
    stamper = AnsiStamper(clock)
    stamper.feed(b"x" + begun)
    clock.now += 5000
    assert stamper.feed(b"1m\\\x07") == b"1m\\\x07"
    assert stamper.feed(b"y") == code(clock.now) + b"y"


def test_times_that_a_job_prints_itself_stay_as_they_are():
    clock = Clock()
    own = code(clock.now)
    assert AnsiStamper(clock).feed(own + b"x\n" + own) == own + own + b"x\n" + own + own


@pytest.mark.parametrize("block", [0, *[pytest.param(block, marks=pytest.mark.soak) for block in range(1, 4)]])
def test_any_stream_in_any_pieces_as_the_model_has_it(block):
    parts = [b"\n", b"\x1b", b"[", b"K", b"2", b"]", b"\x07", b"\\", b"a", b"m", b";", b"P", b"\r", b"_"]
    parts += [b"\xc3", b"\x00", b"\x1b[K", b"\x1b[31m", b"\x1b]8;;", b"\x1b\\", b"\x1b[2K", b"text"]
    for seed in range(block * 4000, block * 4000 + 4000):
        chance = random.Random(seed)
        clock = Clock(1000)
        stamper, model = AnsiStamper(clock), Model(clock)
        for _ in range(chance.randrange(1, 6)):
            clock.now += chance.choice([0, 5, 999, 1000, 1001, 5000])
            data = b"".join(chance.choice(parts) for _ in range(chance.randrange(14)))
            assert stamper.feed(data) == model.feed(data), (seed, data)


def test_line_times_leave_headers_alone_and_end_lines_with_lf():
    stamper = LinePrefixStamper(lambda: 1_700_000_000.9)
    at = b"[2023-11-14T22:13:20Z] "
    text = b"one\r\n--- group\n\x1b[33m+++ open\x1b[0m\n~~~ quiet\n^^^ +++\n---no group\ntw"
    assert stamper.feed(text) == (
        at + b"one\n--- group\n\x1b[33m+++ open\x1b[0m\n~~~ quiet\n^^^ +++\n" + at + b"---no group\n"
    )
    assert stamper.feed(b"o\n") == at + b"two\n"
    assert stamper.feed(b"rest") == b""
    assert stamper.flush() == at + b"rest\n"
    assert stamper.flush() == b""


def test_a_line_without_an_end_does_not_fill_the_memory():
    stamper = LinePrefixStamper(lambda: 0.0)
    shown = b"".join(stamper.feed(b"x" * 10_000) for _ in range(100)) + stamper.flush()
    assert shown.count(b"x") == 1_000_000
    assert shown.count(b"\n") == 16
