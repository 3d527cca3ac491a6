"""A stamped log becomes again what it was, however it is cut."""

import random

import pytest

from bkagent.logs.stampers import AnsiStamper, LinePrefixStamper
from bkagent.logs.strip_stamps import StampStripper
from bkagent.spool.manifest import JobManifest

PIECES = [b"one\n", b"\x1b[31mred\x1b[0m\n", b"\x1b_", b"\x1b]0;title\x07", b"~~~ header\n", b"[x] y\n", b"\x00\xff"]


def _cut(data: bytes, chance: random.Random) -> "list[bytes]":
    cuts = sorted(chance.sample(range(len(data) + 1), min(9, len(data))))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)])]


@pytest.mark.parametrize("seed", range(60))
def test_what_was_stamped_with_codes(seed: int) -> None:
    chance = random.Random(seed)
    plain = b"".join(chance.choice(PIECES) for _ in range(30))
    times = iter(range(10**9, 10**10, 700))
    stamper = AnsiStamper(lambda: next(times))
    stamped = b"".join(stamper.feed(piece) for piece in _cut(plain, chance))
    unstamped = StampStripper(JobManifest("j", "", ""))
    assert b"".join(map(unstamped.feed, _cut(stamped, chance))) + unstamped.flush() == plain


@pytest.mark.parametrize("seed", range(20))
def test_what_was_stamped_with_text(seed: int) -> None:
    chance = random.Random(seed)
    plain = b"".join(chance.choice(PIECES) for _ in range(30)) + b"last\n"
    stamper = LinePrefixStamper(lambda: 1e9)
    stamped = stamper.feed(plain)
    unstamped = StampStripper(JobManifest("j", "", "", ansi_timestamps=False, timestamp_lines=True))
    assert b"".join(map(unstamped.feed, _cut(stamped, chance))) + unstamped.flush() == plain


def test_without_times_nothing_is_changed_or_waits() -> None:
    data = b"[2024-01-01T00:00:00Z] x \x1b_bk;t=1\x07 \x1b_bk"
    assert StampStripper(JobManifest("j", "", "", ansi_timestamps=False)).feed(data) == data
