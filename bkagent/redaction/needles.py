"""One text that must not be seen, as bytes to look for: where it is, and where it could be about to begin.

On the short path: in-job commands scrub what they send.
"""

from bkagent.redaction import encodings
from bkagent.wire import go_quoted, go_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, List, Optional, Tuple

    Span = Tuple[int, int]

MARK = b"[REDACTED]"

# Between the lines of a needle any run of these counts, so that a secret is found again with the line ends of a
# terminal, or indented. The run has a limit: what may be part of a secret has to be held back in memory.
BLANKS = b"\t\n\v\f\r "
LONGEST_RUN = 16384

_ABSENT, _UNFINISHED = -1, -2


class Needle:
    """A needle's lines, trimmed and none of them empty. `probe` is the line that is met by chance the least."""

    __slots__ = ("lines", "first", "probe", "size", "is_single")

    def __init__(self, lines: "Tuple[bytes, ...]") -> None:
        self.lines = lines
        self.first = lines[0]
        self.probe = max(lines, key=len)
        self.size = sum(map(len, lines)) + len(lines) - 1
        self.is_single = len(lines) == 1

    @property
    def overlaps_itself(self) -> bool:
        """Whether an occurrence of its first line may begin within another. Rarely asked, and takes a while."""
        return any(self.first.startswith(self.first[at:]) for at in range(1, len(self.first)))

    def spans(self, text: bytes) -> "List[Span]":
        """Return where the needle occurs, overlaps included, as (start, end), in order."""
        spans_in_order = []
        at = text.find(self.first)
        while at >= 0:
            end = at + self.size if self.is_single else self._walk(text, at)
            if end >= 0:
                spans_in_order.append((at, end))
            at = text.find(self.first, at + 1)
        return spans_in_order

    def unfinished_from(self, text: bytes, limit: int) -> int:
        """Return the first place before `limit` from where `text` ends in a beginning of the needle, else `limit`."""
        start = max(text.rfind(b"\n") + 1, len(text) - len(self.first) + 1)
        at = text.find(self.first[:1], start, limit)
        while at >= 0:
            if self.first.startswith(text[at:]):
                limit = at
                break
            at = text.find(self.first[:1], at + 1, limit)
        if self.is_single or self.first not in text:
            return limit
        within = limit + len(self.first) - 1
        at = text.find(self.first, self._window(text), within)
        while at >= 0 and self._walk(text, at) != _UNFINISHED:
            at = text.find(self.first, at + 1, within)
        return limit if at < 0 else at

    def _window(self, text: bytes) -> int:
        """Return a place before which no beginning of the needle can start and reach the end of `text`."""
        solid = sum(map(len, self.lines))
        width = 2 * solid + 64
        # Bytes that are no blanks must all be the needle's own, and it has not more than `solid` of them.
        while width < len(text) and sum(map(len, text[-width:].split())) <= solid:
            width *= 2
        return max(0, len(text) - width)

    def _walk(self, text: bytes, at: int) -> int:
        """Return where the needle that begins at `at` ends, or _ABSENT, or _UNFINISHED when `text` ends before it."""
        for number, line in enumerate(self.lines):
            if number:
                run = _run(text, at)
                at += run
                if at == len(text):
                    return _UNFINISHED if run <= LONGEST_RUN else _ABSENT
                if not 0 < run <= LONGEST_RUN:
                    return _ABSENT
            if not text.startswith(line, at):
                return _UNFINISHED if len(text) - at < len(line) and line.startswith(text[at:]) else _ABSENT
            at += len(line)
        return at


def _run(text: bytes, at: int) -> int:
    """Return how many blanks follow `at`, counting no further than one more than a run may have."""
    for width in (64, LONGEST_RUN + 1):
        piece = text[at : at + width]
        rest = piece.lstrip(BLANKS)
        if rest:
            break
    return len(piece) - len(rest)


def needles_of(secret: str) -> "List[Needle]":
    """Return what to look for to find a secret: the text itself, and as Go quotes it where that differs."""
    return _needles((secret, go_quoted.body(secret)))


def encoded_needles_of(secret: str) -> "List[Needle]":
    """Return what to look for to find the other encoded forms of a secret. Some may be among its `needles_of`."""
    forms = encodings.forms(to_bytes(go_text.trim(secret)))
    return _needles(form.decode("utf-8", "surrogateescape") for form in forms)


def _needles(texts: "Iterable[str]") -> "List[Needle]":
    texts_of_lines = dict.fromkeys(lines for lines in map(_lines, texts) if lines is not None)
    return [Needle(lines) for lines in texts_of_lines]


def _lines(text: str) -> "Optional[Tuple[bytes, ...]]":
    lines = tuple(to_bytes(line) for line in (go_text.trim(line) for line in text.split("\n")) if line)
    return lines or None


def to_bytes(text: str) -> bytes:
    """Return the bytes that a text of the environment or of JSON stands for."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def merged(spans: "List[Span]") -> "List[Span]":
    """Return the spans in order, those that share a byte joined. Spans that only touch stay two."""
    joined: "List[Span]" = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            if end > joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def redacted(text: bytes, needles: "List[Needle]") -> bytes:
    """Return a whole text with every occurrence of a needle replaced."""
    spans = merged([span for needle in needles if needle.probe in text for span in needle.spans(text)])
    if not spans:
        return text
    pieces: "List[bytes]" = []
    at = 0
    for start, end in spans:
        pieces += (text[at:start], MARK)
        at = end
    pieces.append(text[at:])
    return b"".join(pieces)
