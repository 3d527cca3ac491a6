"""Which of many needles a block of text may hold, at a cost that hardly grows with their number.

A grid has a word of a few bytes at every step of a block. A text of a step and a word, less one byte, covers a word of
the grid wherever it lies. So all needles that are at least so long are found by looking up each word of the grid in the
set of their words, which is one call for any number of needles. Shorter ones are searched one by one.
"""

from __future__ import annotations

import sys
from typing import Dict, List, Set, Tuple

from bkagent.named_tuple import NamedTuple
from bkagent.redaction.needles import Needle

# Measured on text of builds: searching for one needle takes as long as looking up a word for each so many bytes.
_BYTES_A_SEARCH = 80


class Grid(NamedTuple):
    """Words of 4 or 8 bytes, one at every step.

    words_limit  how many words of needles may be looked for: they take memory, and short ones are met by chance.
    """

    word_bytes: int
    step_bytes: int
    words_limit: int

    @property
    def key_bytes(self) -> int:
        """The length of what covers a word of the grid wherever it lies."""
        return self.step_bytes + self.word_bytes - 1

    def words(self, text: bytes) -> memoryview[int]:
        """Return the words of a text, which has at least one; a shorter rest at its end is left out."""
        view = memoryview(text)[: len(text) - len(text) % self.word_bytes]
        words = view.cast("I") if self.word_bytes == 4 else view.cast("Q")
        return words[:: self.step_bytes // self.word_bytes]

    def words_of_key(self, key: bytes) -> List[int]:
        """Return all words of which a text that holds `key` has one at least."""
        return [int.from_bytes(key[at : at + self.word_bytes], sys.byteorder) for at in range(self.step_bytes)]


_GRIDS = tuple(
    [Grid(4, step, 4096) for step in (4, 8, 12, 16)] + [Grid(8, step, 65536) for step in (8, 16, 24, 32)]
)  # fmt: skip


class Search:
    """All needles of a redactor, by their keys: the beginnings of their first lines."""

    def __init__(self) -> None:
        self._needles: List[Needle] = []
        self._fresh: List[Needle] = []
        self._planned_count = 0
        self._begin(_GRIDS[0])

    def add(self, needles: List[Needle]) -> None:
        """Look for these too."""
        self._fresh += needles

    def touched(self, text: bytes) -> List[Needle]:
        """Return the needles of which `text` has the beginning: whole ones, and others that may just have begun."""
        if self._fresh:
            self._take_fresh()
        keys = [key for key in self._short_keys if key in text]
        if self._words and len(text) >= self._grid.key_bytes:
            words = self._words.intersection(self._grid.words(text))
            likely = dict.fromkeys(key for word in words for key in self._keys_by_word[word])
            keys += [key for key in likely if key in text]
        return [needle for key in keys for needle in self._by_key[key]]

    def cut(self, text: bytes, touched: List[Needle]) -> int:
        """Return the first place from where the rest of `text` could be the beginning of a needle."""
        cut = len(text)
        for needle in touched:
            cut = needle.unfinished_from(text, cut)
        # Beginnings shorter than what `touched` goes by are known by heart. They hold no line feed.
        for at in range(max(text.rfind(b"\n") + 1, len(text) - self._grid.key_bytes), cut):
            if text[at:] in self._beginnings:
                return at
        return cut

    def _begin(self, grid: Grid) -> None:
        self._grid = grid
        self._by_key: Dict[bytes, List[Needle]] = {}
        self._short_keys: List[bytes] = []
        self._words: Set[int] = set()
        self._keys_by_word: Dict[int, List[bytes]] = {}
        self._beginnings = {b""}

    def _take_fresh(self) -> None:
        """Look for what was added, by another grid where the needles are many more than it was chosen for."""
        fresh, self._fresh = self._fresh, []
        self._needles += fresh
        if len(self._needles) >= 2 * self._planned_count:
            self._planned_count = len(self._needles)
            self._begin(_best_grid(self._needles))
            fresh = self._needles
        for needle in fresh:
            key = needle.first[: self._grid.key_bytes]
            same = self._by_key.setdefault(key, [])
            same.append(needle)
            if len(same) == 1:
                self._take_key(key)

    def _take_key(self, key: bytes) -> None:
        self._beginnings.update(key[:length] for length in range(1, len(key)))
        if len(key) < self._grid.key_bytes:
            self._short_keys.append(key)
            return
        words = self._grid.words_of_key(key)
        self._words.update(words)
        for word in words:
            self._keys_by_word.setdefault(word, []).append(key)


def _best_grid(needles: List[Needle]) -> Grid:
    """Return the grid by which a block is searched the fastest."""
    firsts = {needle.first for needle in needles}

    def cost(grid: Grid) -> Tuple[int, float]:
        keys = {first[: grid.key_bytes] for first in firsts}
        long_count = sum(len(key) == grid.key_bytes for key in keys)
        words_count = long_count * grid.step_bytes
        lookups_a_byte = (len(keys) - long_count) / _BYTES_A_SEARCH + (1 / grid.step_bytes if long_count else 0)
        return (words_count if words_count > grid.words_limit else 0, lookups_a_byte)

    return min(_GRIDS, key=cost)
