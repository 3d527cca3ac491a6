"""What stands inside a paragraph: emphasis, code, links, images, breaks; CommonMark's rules in short."""

from __future__ import annotations

import bisect
import re
from typing import Dict, List, Optional, Tuple

from bkagent.markdown.allowance import Allowance
from bkagent.markdown.characters import decoded, escaped
from bkagent.markdown.tags import TAG, Ends

LONGEST_RUN = 60  # of * or _: longer ones are decoration, and would nest as deep as they are long
_SPECIAL = re.compile(r"[\\`*_~\[\]<&]|!\[|  \n|https?://")
_RUN = re.compile(r"\*+|_+|~+")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]{1,2000})>")
_BARE_LINK = re.compile(r"https?://[^\s<>\"'`]{1,2000}")
_TARGET = re.compile(
    r"\(\s{0,10}(?:<([^<>\n]{0,2000})>|((?:[^\s()<>\\]|\\.|\((?:[^\s()\\]|\\.){0,500}\)){0,2000}))"
    r"(?:\s{1,10}(?:\"([^\"]{0,1000})\"|'([^']{0,1000})'))?\s{0,10}\)"
)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


class _Run:
    """A run of `*`, `_` or `~` that may begin or end emphasis."""

    __slots__ = ("letter", "count", "opens", "closes", "before", "after")

    def __init__(self, letter: str, count: int, opens: bool, closes: bool) -> None:
        self.letter, self.count, self.opens, self.closes = letter, count, opens, closes
        self.before = ""  # end tags that the run turned into, then what is left of it, then start tags
        self.after = ""

    def html(self) -> str:
        return self.before + self.letter * self.count + self.after


class _Bracket:
    """A `[` or `![` that may begin a link or an image."""

    __slots__ = ("is_image",)

    def __init__(self, is_image: bool) -> None:
        self.is_image = is_image

    def html(self) -> str:
        return "![" if self.is_image else "["


class _Inline:
    def __init__(self, text: str, allowance: Allowance) -> None:
        self._text, self._allowance = text, allowance
        self._pieces: List[object] = []
        self._brackets: List[int] = []  # places in `_pieces`
        self._spent = 0  # of these, the first that many stand around a link: a link holds no other
        self._ticks = _tick_runs(text)
        self._ends = Ends(text)

    def render(self) -> str:
        text, at = self._text, 0
        while True:
            special = _SPECIAL.search(text, at) if self._allowance.left > 0 else None
            if not special:
                self._pieces.append(escaped(text[at:]))
                break
            if special.start() > at:
                self._pieces.append(escaped(text[at : special.start()]))
            self._allowance.left -= 1
            at = self._special(special.start())
        _emphasize(self._pieces)
        return _joined(self._pieces)

    def _special(self, at: int) -> int:
        """Take what begins at `at`; return where the text goes on."""
        text, letter = self._text, self._text[at]
        if letter == "\\":
            return self._backslash(at)
        if letter == "`":
            return self._code(at)
        if letter in "*_~":
            return self._run(at)
        if letter == "[" or text.startswith("![", at):
            self._brackets.append(len(self._pieces))
            self._pieces.append(_Bracket(letter == "!"))
            return at + (2 if letter == "!" else 1)
        if letter == "]":
            return self._link(at)
        if letter == " ":
            self._pieces.append("  <br>\n")
            return at + 3
        if letter == "h":
            return self._bare_link(at)
        link = _AUTOLINK.match(text, at)
        if link:
            self._pieces.append(f'<a href="{escaped(link[1])}">{escaped(link[1])}</a>')
            return link.end()
        if text.startswith("<!--", at):
            end = self._ends.of_comment(at)
            if end >= 0:
                return end
        match = TAG.match(text, at) or _ENTITY.match(text, at)
        self._pieces.append(match[0] if match else escaped(letter))
        return match.end() if match else at + 1

    def _backslash(self, at: int) -> int:
        following = self._text[at + 1 : at + 2]
        if following == "\n":
            self._pieces.append("<br>\n")
        elif following in _PUNCTUATION and following:
            self._pieces.append(escaped(following))
        else:
            self._pieces.append("\\")
            return at + 1
        return at + 2

    def _code(self, at: int) -> int:
        text, end = self._text, at
        while text[end : end + 1] == "`":
            end += 1
        size = end - at
        places = self._ticks.get(size, [])
        index = bisect.bisect_left(places, end)
        if index == len(places):
            self._pieces.append("`" * size)
            return end
        content = text[end : places[index]].replace("\n", " ")
        if content[:1] == content[-1:] == " " and content.strip():
            content = content[1:-1]
        self._pieces.append(f"<code>{escaped(content)}</code>")
        return places[index] + size

    def _run(self, at: int) -> int:
        text, letter = self._text, self._text[at]
        run = _RUN.match(text, at)
        assert run is not None
        end = run.end()
        before, after = text[at - 1 : at] if at else " ", text[end : end + 1] or " "
        left = not after.isspace() and (after not in _PUNCTUATION or before.isspace() or before in _PUNCTUATION)
        right = not before.isspace() and (before not in _PUNCTUATION or after.isspace() or after in _PUNCTUATION)
        if letter == "_":
            left, right = left and (not right or before in _PUNCTUATION), right and (not left or after in _PUNCTUATION)
        if end - at > (2 if letter == "~" else LONGEST_RUN):
            left = right = False
        if not (left or right):
            self._pieces.append(run[0])
            return end
        self._allowance.left -= end - at - 1
        self._pieces.append(_Run(letter, end - at, left, right))
        return end

    def _link(self, at: int) -> int:
        if not self._brackets:
            self._pieces.append("]")
            return at + 1
        start = self._brackets.pop()
        bracket = self._pieces[start]
        assert isinstance(bracket, _Bracket)
        depth = len(self._brackets)
        usable = bracket.is_image or depth >= self._spent
        self._spent = min(self._spent, depth)
        match = _TARGET.match(self._text, at + 1) if usable else None
        if not match:
            self._pieces.append("]")
            return at + 1
        address = escaped(_unescaped(match[1] if match[1] is not None else match[2] or ""))
        title = match[3] or match[4]
        shown = f' title="{escaped(_unescaped(title))}"' if title else ""
        inner = self._pieces[start + 1 :]
        _emphasize(inner)
        content = _joined(inner)
        del self._pieces[start:]
        if bracket.is_image:
            self._pieces.append(f'<img src="{address}" alt="{escaped(_plain(content))}"{shown}>')
        else:
            self._pieces.append(f'<a href="{address}"{shown}>{content}</a>')
            self._spent = depth
        return match.end()

    def _bare_link(self, at: int) -> int:
        match = _BARE_LINK.match(self._text, at)
        address = match[0].rstrip("?!.,:*_~)]") if match else ""
        if len(address) <= len("https://"):
            self._pieces.append("h")
            return at + 1
        self._pieces.append(f'<a href="{escaped(address)}">{escaped(address)}</a>')
        return at + len(address)


def inline(text: str, allowance: Allowance) -> str:
    """Return the HTML of a paragraph's text. What it holds of HTML is in it as it was: sanitize the whole."""
    return _Inline(text, allowance).render() if _SPECIAL.search(text) else escaped(text)


def _emphasize(pieces: List[object]) -> None:
    """Turn runs into tags: each closer looks back among runs of its letter, never again where no opener was."""
    openers: Dict[str, List[Tuple[int, _Run]]] = {"*": [], "_": [], "~": []}
    bottoms: Dict[Tuple[str, bool, int], int] = {}  # how many openers of its letter a kind of closer has tried in vain
    for at, piece in enumerate(pieces):
        if not isinstance(piece, _Run):
            continue
        own = openers[piece.letter]
        while piece.closes and piece.count:
            kind = (piece.letter, piece.opens, piece.count % 3)
            opener_index = _opener(own, piece, bottoms.get(kind, 0))
            if opener_index is None:
                bottoms[kind] = len(own)
                break
            start, opener = own[opener_index]
            del own[opener_index + 1 :]
            _lower(bottoms, piece.letter, opener_index)
            for letter, others in openers.items():
                if others and others[-1][0] > start:
                    while others and others[-1][0] > start:
                        others.pop()
                    _lower(bottoms, letter, len(others))
            _wrap(opener, piece)
            if not opener.count:
                own.pop()
        if piece.opens and piece.count:
            own.append((at, piece))


def _lower(bottoms: Dict[Tuple[str, bool, int], int], letter: str, place: int) -> None:
    """Forget vain tries from `place` on: the openers there are others from now on."""
    for kind, bottom in bottoms.items():
        if bottom > place and kind[0] == letter:
            bottoms[kind] = place


def _opener(openers: List[Tuple[int, _Run]], closer: _Run, bottom: int) -> Optional[int]:
    for index in range(len(openers) - 1, bottom - 1, -1):
        opener = openers[index][1]
        if opener.letter == "~" and opener.count != closer.count:
            continue
        both = opener.closes or closer.opens
        if both and (opener.count + closer.count) % 3 == 0 and (opener.count % 3 or closer.count % 3):
            continue
        return index
    return None


def _wrap(opener: _Run, closer: _Run) -> None:
    if opener.letter == "~":
        size, name = opener.count, "del"
    else:
        size = 2 if opener.count > 1 and closer.count > 1 else 1
        name = "strong" if size == 2 else "em"
    opener.count -= size
    closer.count -= size
    opener.after = f"<{name}>" + opener.after
    closer.before += f"</{name}>"


def _joined(pieces: List[object]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.html() for piece in pieces)  # type: ignore[attr-defined]


def _tick_runs(text: str) -> Dict[int, List[int]]:
    """Return where runs of backticks begin, by their length."""
    runs: Dict[int, List[int]] = {}
    for match in re.finditer(r"`+", text):
        runs.setdefault(len(match[0]), []).append(match.start())
    return runs


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda entity: decoded(entity[0]), _ESCAPED.sub(r"\1", text))


def _plain(markup: str) -> str:
    return decoded(re.sub(r"<[^<>]*>", "", markup))
