"""What a job prints is shown on a terminal without letting it steer that terminal."""

import random

from bkagent.localrun.terminal_text import LONGEST_LINE_BYTES, Lines


def lines(data: bytes, coloured: bool = False) -> "list[str]":
    cutter = Lines(coloured=coloured)
    return cutter.feed(data) + cutter.rest()


def test_time_stamps_and_carriage_returns_go() -> None:
    assert lines(b"\x1b_bk;t=1700000000000\x07one\r\n\x1b_bk;t=1700000000001\x07two") == ["one", "two"]


def test_a_progress_bar_shows_its_last_state() -> None:
    assert lines(b" 10%\r 50%\r100%\r\n") == ["100%"]


def test_colours_stay_on_a_terminal_and_go_elsewhere() -> None:
    assert lines(b"\x1b[31mred\x1b[0m\n", coloured=True) == ["\x1b[31mred\x1b[0m\x1b[0m"]
    assert lines(b"\x1b[31mred\x1b[0m\n") == ["red"]


def test_what_steers_a_terminal_goes() -> None:
    hostile = b"\x1b]0;title\x07\x1b[2J\x1b[10;10H\x1b[6n\x1bc\x1bPq\x1b\\\x1b]52;c;aGk=\x1b\\\x1b[?1049h"
    hostile += b"\x9b31mtext\x07\x08\n"
    for coloured in (False, True):
        (line,) = lines(hostile, coloured)
        plain = line.replace("\x1b[0m", "")
        assert "\x1b" not in plain and plain.endswith("text")


def test_no_random_bytes_get_an_escape_through() -> None:
    chance = random.Random(7)
    pieces = [
        b"\x1b",
        b"[",
        b"]",
        b"P",
        b"_",
        b"\x07",
        b"\\",
        b"m",
        b"0",
        b";",
        b"?",
        b"\r",
        b"x",
        b"\x9b",
        b"H",
        b"\x1b[",
    ]
    for _ in range(3000):
        data = b"".join(chance.choice(pieces) for _ in range(chance.randrange(1, 14)))
        for line in lines(data):
            assert "\x1b" not in line and not any(letter < " " and letter != "\t" for letter in line), data


def test_a_line_without_end_does_not_pile_up() -> None:
    cutter = Lines(coloured=False)
    found = [line for _ in range(40) for line in cutter.feed(b"x" * 8192)]
    assert found and max(map(len, found)) <= LONGEST_LINE_BYTES + 8192
    assert sum(map(len, found + cutter.rest())) == 40 * 8192
