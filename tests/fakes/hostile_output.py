"""Output that means no good, by seed: the same for the program that prints it and for the test that expects it.

Run as a program with a seed it prints the stream, each piece by a write of its own, between two lines.
"""

import os
import random
import sys
import time
from typing import Iterator, List

BEGIN, END = b"BEGIN of the stream\n", b"\nEND of the stream\n"
_ESCAPES = (
    b"\x1b", b"\x1b[", b"\x1b[31", b"\x1b[31m", b"\x1b[0m", b"\x1b[2K", b"\x1b[K", b"\x1b]8;;http://x", b"\x1b]0;t\x07",
    b"\x1b]8;;\x1b\\", b"\x1bP1$r", b"\x1b\\", b"\x1b_other\x07", b"\x1b(B", b"\x9b1m", b"\x07", b"\x18", b"\x1a",
)  # fmt: skip
_BROKEN = (b"\xff", b"\xc3", b"\xa9", b"\xe2\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", "é☃".encode())
_ENDS = (b"\n", b"\r\n", b"\r", b"\n\n", b"\r\r\n", b"\x0b", b"\x0c", "\x85".encode(), "\u2028".encode())
_HEADS = (b"--- ", b"+++ ", b"~~~ ", b"^^^ +++", b"[REDACTED", b"[REDACTED]", b"::", b"\x00" * 7, b"\x7f", b"\t")


def secrets(seed: int) -> "List[str]":
    """Return the secrets of a stream, one of which has a line break."""
    chance = random.Random(seed * 7919 + 1)
    made = ["".join(chance.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(length)) for length in (6, 24, 90)]
    return [*made, made[0][::-1] + "-first\nsecond-" + made[1][:9]]


def pieces(seed: int) -> "Iterator[bytes]":
    """Yield a stream of some hundred kilobytes: broken text, half escapes, huge lines, single bytes, secrets in two."""
    chance = random.Random(seed)
    hidden = [one.encode() for one in secrets(seed)]
    for _ in range(chance.randrange(150, 300)):
        kind = chance.randrange(9)
        if kind == 0:
            yield bytes(chance.choice(b"abc xyz") for _ in range(chance.randrange(1, 60))) + chance.choice(_ENDS)
        elif kind == 1:
            yield chance.choice(_ESCAPES)
        elif kind == 2:
            yield chance.choice(_BROKEN) * chance.randrange(1, 4)
        elif kind == 3:
            yield chance.choice(_HEADS)
        elif kind == 4:
            yield bytes([chance.choice(b"xy")]) * chance.randrange(1, 9000)
        elif kind == 5:
            for _ in range(chance.randrange(1, 20)):
                yield bytes([chance.choice(b"ab \n\r\x1b[")])
        elif kind == 6:
            whole = chance.choice(hidden)
            at = chance.randrange(len(whole) + 1)
            yield whole[:at]
            yield whole[at:]
        elif kind == 7:
            yield chance.choice(hidden)[: chance.randrange(1, 6)] + b"."  # the beginning of one, and no more
        else:
            yield chance.choice(_ENDS)


def main() -> None:
    """Print the stream, with pauses now and then, so that its reader sees every border."""
    seed = int(sys.argv[1])
    chance = random.Random(seed + 1)
    for piece in (BEGIN, *pieces(seed), END):
        while piece:
            piece = piece[os.write(1, piece) :]
        if chance.random() < 0.3:
            time.sleep(chance.random() * 0.01)


if __name__ == "__main__":
    main()
