"""How text looks: colours and weights as a terminal sets them, and the CSS classes that show them."""

from __future__ import annotations

from functools import lru_cache
from typing import List, NamedTuple


class Style(NamedTuple):
    """One look. `fg` and `bg` are class names or "", `marks` those of weights, `link` where a click leads or ""."""

    fg: str = ""
    bg: str = ""
    marks: "tuple[str, ...]" = ()
    link: str = ""

    @property
    def classes(self) -> str:
        """Return the CSS classes, "" for plain text."""
        return " ".join(name for name in (self.fg, self.bg, *self.marks) if name)


PLAIN = Style()
_BOLD, _FAINT, _ITALIC, _UNDERLINE, _BLINK, _STRIKE = (f"term-fg{number}" for number in (1, 2, 3, 4, 5, 9))
_ON = {1: _BOLD, 2: _FAINT, 3: _ITALIC, 4: _UNDERLINE, 5: _BLINK, 6: _BLINK, 9: _STRIKE}
_REPLACES = {1: _FAINT, 2: _BOLD}
_OFF = {21: (_BOLD, _FAINT), 22: (_BOLD, _FAINT), 23: (_ITALIC,), 24: (_UNDERLINE,), 25: (_BLINK,), 29: (_STRIKE,)}


PARAMETERS_CHARACTERS = 256  # of one sequence; terminals read fewer


def restyle(style: Style, parameters: str) -> Style:
    """Return `style` after the codes of one `m` sequence, such as "1;31". Codes that mean nothing here are skipped."""
    return _restyled(style, parameters[:PARAMETERS_CHARACTERS])


@lru_cache(maxsize=1024)
def _restyled(style: Style, parameters: str) -> Style:
    codes = [int(code) if code.isdigit() and len(code) < 9 else 0 for code in parameters.replace(":", ";").split(";")]
    at = 0
    while at < len(codes):
        code = codes[at]
        at += 1
        if code in (38, 48):
            colour, at = _extended(codes, at)
            if colour >= 0:
                style = style._replace(fg=f"term-fgx{colour}") if code == 38 else style._replace(bg=f"term-bgx{colour}")
        else:
            style = _one(style, code)
    return style


def _one(style: Style, code: int) -> Style:
    if code == 0:
        return PLAIN._replace(link=style.link)
    if code in _ON:
        marks = [mark for mark in style.marks if mark not in (_ON[code], _REPLACES.get(code))]
        return style._replace(marks=tuple(marks) + (_ON[code],))
    if code in _OFF:
        return style._replace(marks=tuple(mark for mark in style.marks if mark not in _OFF[code]))
    if 30 <= code <= 37 or code == 39:
        return style._replace(fg="" if code == 39 else f"term-fg{code}")
    if 40 <= code <= 47 or code == 49:
        return style._replace(bg="" if code == 49 else f"term-bg{code}")
    if 90 <= code <= 97:
        return style._replace(fg=f"term-fgi{code}")
    if 100 <= code <= 107:
        return style._replace(bg=f"term-bgi{code}")
    return style


def _extended(codes: List[int], at: int) -> "tuple[int, int]":
    """Return the colour after 38 or 48, -1 for one that is not shown, and where the next code stands."""
    kind = codes[at] if at < len(codes) else 0
    if kind == 5:
        colour = codes[at + 1] if at + 1 < len(codes) else -1
        return (colour if 0 <= colour <= 255 else -1), at + 2
    if kind == 2:  # 24-bit colours are read, so that they do no harm, and not shown
        return -1, at + 4
    return -1, at + 1
