"""Which of many needles a block of text may hold, at a cost that hardly grows with their number.

A text of 15 bytes covers an aligned word of eight wherever it lies. So the first 15 bytes of a needle are found by
looking up every aligned word of a block in a set of theirs, which is one call for any number of needles; a handful of
needles are quicker to search one by one.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List

from bkagent.redaction.needles import Needle


class Family:
    """Needles that begin with at least `key_bytes` on one line, found by words of `word_bytes` (4 or 8)."""

    def __init__(self, word_bytes: int, few_count: int) -> None:
        self._word_bytes, self._few_count = word_bytes, few_count
        self.key_bytes = 2 * word_bytes - 1
        self._by_key: Dict[bytes, List[Needle]] = {}
        self._keys_by_word: Dict[int, List[bytes]] = {}
        self._words: FrozenSet[int] = frozenset()

    def add(self, needles: Iterable[Needle]) -> None:
        """Look for these too."""
        for needle in needles:
            key = needle.first[: self.key_bytes]
            same = self._by_key.setdefault(key, [])
            same.append(needle)
            if len(same) == 1:
                for at in range(self._word_bytes):
                    (word,) = self._words_of(key[at : at + self._word_bytes])
                    self._keys_by_word.setdefault(word, []).append(key)
        self._words = frozenset(self._keys_by_word)

    def touched(self, text: bytes) -> List[Needle]:
        """Return the needles of which `text` has the first `key_bytes` at least."""
        if not self._by_key:
            return []
        if len(self._by_key) <= self._few_count:
            return [needle for key, needles in self._by_key.items() if key in text for needle in needles]
        met = self._words.intersection(self._words_of(text))
        if not met:
            return []
        keys = dict.fromkeys(key for word in met for key in self._keys_by_word[word])
        return [needle for key in keys if key in text for needle in self._by_key[key]]

    def _words_of(self, text: bytes) -> memoryview[int]:
        """Return the aligned words of a text; a shorter rest at its end is left out."""
        view = memoryview(text)[: len(text) - len(text) % self._word_bytes]
        return view.cast("I") if self._word_bytes == 4 else view.cast("Q")


class Search:
    """All needles of a redactor."""

    def __init__(self) -> None:
        # Measured: so many searches cost as much as looking up the words does.
        self._long, self._middle = Family(8, 6), Family(4, 12)
        self._short: List[Needle] = []
        self._beginnings = {b""}

    def add(self, needles: List[Needle]) -> None:
        """Look for these too."""
        for needle in needles:
            size = len(needle.first)
            known = min(size, self._long.key_bytes)
            self._beginnings.update(needle.first[:length] for length in range(1, known))
            if size < self._middle.key_bytes:
                self._short.append(needle)
        self._long.add(needle for needle in needles if len(needle.first) >= self._long.key_bytes)
        middle = range(self._middle.key_bytes, self._long.key_bytes)
        self._middle.add(needle for needle in needles if len(needle.first) in middle)

    def touched(self, text: bytes) -> List[Needle]:
        """Return the needles of which `text` has the beginning: whole ones, and others that may just have begun."""
        short = [needle for needle in self._short if needle.first in text]
        return short + self._middle.touched(text) + self._long.touched(text)

    def cut(self, text: bytes, touched: List[Needle]) -> int:
        """Return the first place from where the rest of `text` could be the beginning of a needle."""
        cut = len(text)
        for needle in touched:
            cut = needle.unfinished_from(text, cut)
        # Beginnings shorter than what `touched` goes by are known by heart. They hold no line feed.
        for at in range(max(text.rfind(b"\n") + 1, len(text) - self._long.key_bytes), cut):
            if text[at:] in self._beginnings:
                return at
        return cut
