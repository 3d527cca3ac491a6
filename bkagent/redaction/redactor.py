"""Takes secrets out of a stream of bytes. The same bytes come out however the stream is cut into pieces."""

from __future__ import annotations

import threading
from typing import Dict, List, Tuple

from bkagent.redaction.needles import MARK, Needle, encoded_needles_of, merged, needles_of, redacted
from bkagent.redaction.pending_secrets import PendingSecrets
from bkagent.redaction.search import Search

# Where there are so many needles, encoded forms of further secrets are not looked for: what a job adds must not fill
# the memory. The secrets themselves always are.
ENCODED_LIMIT = 8192
# Where there are so many, those of secrets that are pending are made first: they came first, and have to find room.
_CROWDED_COUNT = ENCODED_LIMIT // 2


class Redactor:
    """Replaces secrets by `[REDACTED]`. Withholds only what could be the beginning of a secret. Thread-safe.

    An occurrence that shares a byte with another one makes a single mark with it. The mark comes out as soon as its
    first occurrence is whole; `_covered` bytes at the start of what is withheld belong to a mark that is out already.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._needles: Dict[Tuple[bytes, ...], Needle] = {}
        self._search = Search()
        self._pending = PendingSecrets()
        self._held = b""
        self._covered = 0

    def add(self, secret: str) -> None:
        """Redact `secret` and its encoded forms from now on. An empty or blank text is ignored."""
        with self._lock:
            if self._pending.add(secret):
                return
        needles, encoded = needles_of(secret), encoded_needles_of(secret)
        with self._lock:
            if self._pending and len(self._needles) + len(encoded) > _CROWDED_COUNT:
                self._take_pending()
            self._add(needles, encoded)

    def feed(self, data: bytes) -> bytes:
        """Take the next piece of the stream; return what can be shown now."""
        with self._lock:
            text = self._held + data if self._held else data
            if not text:
                return b""
            # Behind the end of a line none of the pending ones can have begun.
            if self._pending and (not text.endswith(b"\n") or self._pending.may_be_in(text)):
                self._take_pending()
            if not self._needles:
                return text
            touched = self._search.touched(text)
            return self._let_go(text, self._search.cut(text, touched), touched)

    def flush(self) -> bytes:
        """Return what was withheld, and forget that it could have been the beginning of a secret."""
        with self._lock:
            text = self._held
            return self._let_go(text, len(text), self._search.touched(text)) if text else b""

    def whole(self, text: bytes) -> bytes:
        """Return a text of its own, outside the stream, with the secrets replaced."""
        with self._lock:
            if self._pending and self._pending.may_be_in(text):
                self._take_pending()
            if not self._needles:
                return text
            return redacted(text, self._search.touched(text))

    def _take_pending(self) -> None:
        for secret in self._pending.take():
            self._add(needles_of(secret), encoded_needles_of(secret))

    def _add(self, needles: List[Needle], encoded: List[Needle]) -> None:
        self._add_fresh(needles)
        if len(self._needles) + len(encoded) <= ENCODED_LIMIT:
            self._add_fresh(encoded)

    def _add_fresh(self, needles: List[Needle]) -> None:
        fresh = [needle for needle in needles if needle.lines not in self._needles]
        self._needles.update((needle.lines, needle) for needle in fresh)
        self._search.add(fresh)

    def _let_go(self, text: bytes, cut: int, touched: List[Needle]) -> bytes:
        """Return `text` up to `cut` with the occurrences of `touched` replaced, and withhold the rest."""
        hits = [needle for needle in touched if needle.probe in text]
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
