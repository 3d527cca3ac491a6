"""Put the time into a log stream: as invisible codes, or as text before each line.

The codes are those that the log's viewer reads: ESC `_bk;t=` milliseconds BEL. One stands before the first byte of each
line, and inside a line when more than a second has passed since the last one. A line ends with LF, or with an escape
that erases in the line, if that arrives in one piece. No code ever breaks an escape sequence. All codes of one piece
carry the same time.
"""

from __future__ import annotations

import re
from typing import Callable, List, Tuple

from bkagent.logs.whole_lines import WholeLines
from bkagent.wire.timestamps import rfc3339

_STALE_MS = 1000

_LINE_END = re.compile(rb"\n|\x1b\[[012]?K")
# An escape that erases, by its last letter: that is rare, and where it begins is not.
_END_OF_ERASE = re.compile(rb"K(?:(?<=\x1b\[K)|(?<=\x1b\[[012]K))")

# OSC, DCS, SOS, PM and APC are strings: they go on up to BEL or ESC \.
_OPENER = re.compile(rb"\x1b[\]PX^_]")
# Most other sequences are CSI: where nothing else follows an ESC, no string begins, and this is sooner known.
_NOT_CSI = re.compile(rb"\x1b[^\[]")
_CLOSER = re.compile(rb"\x07|\x1b\\")
_PARAMETERS = re.compile(rb"[ -?]*")

_STYLES = re.compile(rb"\x1b\[[0-9;]*[mK]")
_HEADER = re.compile(rb"(?:---|\+\+\+|~~~)\s|\^\^\^\s\+\+\+")

# Where in an escape sequence a piece can end. Outside of strings any ESC begins a new sequence.
_GROUND, _ESCAPE, _CSI, _STRING, _STRING_ESCAPE = range(5)


class AnsiStamper:
    """Puts invisible codes into a stream. Not thread-safe.

    `now_ms` returns Unix time in milliseconds and is asked once a piece.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._due = True  # a line has begun, and no code stands there yet
        self._stamped_ms = 0
        self._state = _GROUND

    def feed(self, output: bytes) -> bytes:
        """Take the next piece; return it with codes."""
        if not output:
            return b""
        now_ms = self._now_ms()
        code = b"\x1b_bk;t=%d\x07" % now_ms
        pieces: List[bytes] = []
        at = 0
        if self._state != _GROUND:
            self._state, at = _leave(self._state, output, 0)
            self._pass(output[:at], pieces)
        elif self._due or now_ms - self._stamped_ms > _STALE_MS:
            pieces.append(code)
            self._due, self._stamped_ms = False, now_ms
        has_sequences = b"\x1b" in output
        has_openers = has_sequences and _NOT_CSI.search(output, at) is not None
        while at < len(output):
            opener = _OPENER.search(output, at) if has_openers else None
            start = opener.start() if opener else len(output)
            self._stamp(output[at:start], has_sequences, code, now_ms, pieces)
            at = start
            if start < len(output):
                self._state, at = _leave(_STRING, output, start + 2)
                self._pass(output[start:at], pieces)
            else:
                self._rest(output, code, pieces)
        return b"".join(pieces)

    def flush(self) -> bytes:
        """Return b"": nothing is ever withheld."""
        return b""

    def _stamp(self, text: bytes, has_sequences: bool, code: bytes, now_ms: int, pieces: List[bytes]) -> None:
        """Add text without strings, a code after each line end."""
        stamped = text.replace(b"\n", b"\n" + code)
        if has_sequences and b"K" in text:
            stamped = _END_OF_ERASE.sub(b"K" + code, stamped)
        if len(stamped) > len(text):
            self._due, self._stamped_ms = False, now_ms
        pieces.append(stamped)

    def _pass(self, sequence: bytes, pieces: List[bytes]) -> None:
        """Add part of an escape sequence as it is. A line end in it has its code when the next line begins outside."""
        pieces.append(sequence)
        if _LINE_END.search(sequence):
            self._due = True

    def _rest(self, output: bytes, code: bytes, pieces: List[bytes]) -> None:
        """Take back the code of a line that has not begun, and remember the sequence that the piece ends in."""
        if pieces[-1].endswith(code) and not self._due and len(pieces[-1]) > len(code):
            pieces[-1] = pieces[-1][: -len(code)]
            self._due = True
        escape = output.rfind(b"\x1b")
        if escape >= 0 and escape == len(output) - 1:
            self._state = _ESCAPE
        elif escape >= 0 and output.startswith(b"[", escape + 1):
            end = _end_of(_PARAMETERS, output, escape + 2)
            self._state = _CSI if end == len(output) else _GROUND


def _leave(state: int, output: bytes, at: int) -> Tuple[int, int]:
    """Return the state, and the place, where the sequence that `output` is in at `at` is over or `output` ends."""
    while state != _GROUND and at < len(output):
        letter = output[at]
        if state == _STRING:
            closer = _CLOSER.search(output, at)
            if closer:
                return _GROUND, closer.end()
            return (_STRING_ESCAPE if output.endswith(b"\x1b") else _STRING), len(output)
        if state == _STRING_ESCAPE:
            if letter == 0x5C:  # a backslash
                return _GROUND, at + 1
            state = _STRING
        elif state == _ESCAPE and letter == 0x5B:  # [
            state, at = _CSI, at + 1
        elif state == _ESCAPE and letter in b"]PX^_":
            state, at = _STRING, at + 1
        else:
            if state == _CSI:
                at = _end_of(_PARAMETERS, output, at)
                if at == len(output):
                    break
                letter = output[at]
            # A control character in the middle ends the sequence without being part of it.
            return _GROUND, at + (0x20 <= letter < 0x7F)
    return state, at


def _end_of(pattern: "re.Pattern[bytes]", output: bytes, at: int) -> int:
    match = pattern.match(output, at)
    return match.end() if match else at


class LinePrefixStamper:
    """Puts the time as text before each line: `[2024-05-01T10:00:00Z] `. Group headers stay as they are.

    Takes a stream and gives whole lines, each ended by LF alone. Not thread-safe. `now` returns Unix seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lines = WholeLines()

    def feed(self, output: bytes) -> bytes:
        """Take the next piece; return the lines that are complete."""
        return self._stamp_lines(self._lines.feed(output))

    def flush(self) -> bytes:
        """Return the line that has begun, as a line."""
        return self._stamp_lines(self._lines.flush())

    def _stamp_lines(self, lines: List[bytes]) -> bytes:
        if not lines:
            return b""
        prefix = f"[{rfc3339(int(self._now()) * 1_000_000_000, 0)}] ".encode()
        pieces = []
        for line in lines:
            line = line[:-1] if line.endswith(b"\r") else line
            pieces.append(line if _HEADER.match(_STYLES.sub(b"", line)) else prefix + line)
        return b"\n".join(pieces) + b"\n"
