"""Takes secrets out of a stream of bytes. The same bytes come out however the stream is cut into pieces."""

from __future__ import annotations

import threading
from typing import Dict, List, Set, Tuple

from bkagent.redaction.needles import MARK, Needle, merged, needles_of, redacted

# Each needle costs a search of its own, which is quicker than a regular expression of them all: that one tries every
# needle at every byte. Needles that begin alike, as tokens of one service do, share the search for their beginning.
_ALIKE_BYTES = 4

# Up to this length all beginnings of all needles are known by heart. Longer needles are compared one by one.
_LONGEST_BEGINNING = 64


class Redactor:
    """Replaces secrets by `[REDACTED]`. Withholds only what could be the beginning of a secret. Thread-safe.

    An occurrence that shares a byte with another one makes a single mark with it. The mark comes out as soon as its
    first occurrence is whole; `_covered` bytes at the start of what is withheld belong to a mark that is out already.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._needles: Dict[Tuple[bytes, ...], Needle] = {}
        self._is_indexed = True
        self._searches: List[Tuple[bytes, List[Needle]]] = []
        self._beginnings: Set[bytes] = set()
        self._longest_beginning = 0
        self._long: List[Needle] = []  # of several lines, or longer than `_beginnings` knows
        self._held = b""
        self._covered = 0

    def add(self, secret: str) -> None:
        """Redact `secret` from now on, and its form in Go's quoting. An empty or blank text is ignored."""
        with self._lock:
            for needle in needles_of(secret):
                self._needles.setdefault(needle.lines, needle)
            self._is_indexed = False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the stream; return what can be shown now."""
        with self._lock:
            if not self._needles:
                return data
            if not self._is_indexed:
                self._index()
            text = self._held + data if self._held else data
            if not text:
                return b""
            cut = self._cut(text)
            return self._let_go(text, cut, self._hits(text))

    def flush(self) -> bytes:
        """Return what was withheld, and forget that it could have been the beginning of a secret."""
        with self._lock:
            if not self._is_indexed:
                self._index()
            text = self._held
            return self._let_go(text, len(text), self._hits(text)) if text else b""

    def whole(self, text: bytes) -> bytes:
        """Return a text of its own, outside the stream, with the secrets replaced."""
        with self._lock:
            return redacted(text, list(self._needles.values()))

    def _index(self) -> None:
        """Make what the searches use, once for any number of new secrets."""
        needles = list(self._needles.values())
        self._searches = _searches(needles)
        self._long = [needle for needle in needles if not needle.is_single or needle.size > _LONGEST_BEGINNING + 1]
        firsts = [needle.first for needle in needles]
        self._beginnings = {
            first[:length] for first in firsts for length in range(1, min(len(first), _LONGEST_BEGINNING + 1))
        }
        self._longest_beginning = max(map(len, self._beginnings), default=0)
        self._is_indexed = True

    def _hits(self, text: bytes) -> List[Needle]:
        """Return the needles that may occur in `text`."""
        groups = [needles for probe, needles in self._searches if probe in text]
        return [needle for needles in groups for needle in needles if len(needles) == 1 or needle.probe in text]

    def _cut(self, text: bytes) -> int:
        """Return the first place from where the rest of `text` could be the beginning of a needle."""
        cut = len(text)
        for needle in self._long:
            cut = needle.unfinished_from(text, cut)
        # A beginning holds no line feed, so a piece that ends with one ends in none.
        start = max(text.rfind(b"\n") + 1, len(text) - self._longest_beginning)
        tail = text[start:cut]
        for at in range(len(tail)):
            if text[start + at :] in self._beginnings:
                return start + at
        return cut

    def _let_go(self, text: bytes, cut: int, hits: List[Needle]) -> bytes:
        """Return `text` up to `cut` with the occurrences of `hits` replaced, and withhold the rest."""
        covered, self._covered = self._covered, 0
        self._held = text[cut:]
        if not hits and not covered:
            return text[:cut] if cut < len(text) else text
        if len(hits) == 1 and not covered and cut == len(text) and hits[0].is_single and not hits[0].overlaps_itself:
            return text.replace(hits[0].first, MARK)
        spans = [span for needle in hits for span in needle.spans(text)]
        if covered:
            spans.append((0, covered))
        pieces: List[bytes] = []
        at = 0
        for start, end in merged(spans):
            shown = bool(covered) and start == 0
            if start >= cut and not shown:
                break
            pieces += (text[at:start], b"" if shown else MARK)
            at = end
        pieces.append(text[at:cut])
        self._covered = max(0, at - cut)
        return b"".join(pieces)


def _searches(needles: List[Needle]) -> List[Tuple[bytes, List[Needle]]]:
    """Return what to search for, and which needles can be there when it is found."""
    alike: Dict[bytes, List[Needle]] = {}
    for needle in needles:
        # A short probe stands alone: as a whole it is less common than as a beginning.
        alike.setdefault(needle.probe[:_ALIKE_BYTES], []).append(needle)
    return [(_beginning_of(group), group) for group in alike.values()]


def _beginning_of(group: List[Needle]) -> bytes:
    """Return what all probes of a group begin with: what the first and the last in order begin with."""
    first, last = min(needle.probe for needle in group), max(needle.probe for needle in group)
    length = 0
    while length < len(first) and first[length] == last[length]:
        length += 1
    return first[:length]
