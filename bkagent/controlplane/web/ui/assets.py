"""The style sheet and the script of the pages. Both are ours and fixed: they may be kept by browsers for a while."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from typing import Tuple

from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request

_COLOURS = ("#3b434b", "#ff6b63", "#57ab5a", "#d4a72c", "#6cb2ff", "#c297ff", "#4fc3c7", "#d0d7de")
_INTENSE = ("#6e7781", "#ff938a", "#7ee787", "#f2cc60", "#9ecbff", "#d8bdff", "#8be9ec", "#ffffff")
_LOG_BACKGROUND = "#15181c"
_CONTRAST = 4.6  # WCAG asks for 4.5
_HEADERS = (("Cache-Control", "max-age=300"), ("X-Content-Type-Options", "nosniff"))


def style_sheet(site: Site, request: Request) -> Answer:
    """Answer with the style sheet."""
    plain = pkgutil.get_data(__package__, "style.css") or b""
    return Answer(200, plain + "\n".join(_terminal_rules()).encode(), (("Content-Type", "text/css"), *_HEADERS))


def script(site: Site, request: Request) -> Answer:
    """Answer with the script."""
    return Answer(
        200,
        pkgutil.get_data(__package__, "live.js") or b"",
        (("Content-Type", "text/javascript; charset=utf-8"), *_HEADERS),
    )


@lru_cache(maxsize=None)
def _terminal_rules() -> Tuple[str, ...]:
    """Return a rule for each style that a terminal has; every colour of text can be read on the background of logs."""
    rules = [
        ".term-fg1{font-weight:700}", ".term-fg2{opacity:.8}", ".term-fg3{font-style:italic}",
        ".term-fg4{text-decoration:underline}", ".term-fg9{text-decoration:line-through}",
    ]  # fmt: skip
    palette = (*_COLOURS, *_INTENSE)
    colours = [(f"x{number}", palette[number] if number < 16 else _of_cube(number)) for number in range(256)]
    for number in range(8):
        colours += [(f"3{number}", _COLOURS[number]), (f"i9{number}", _INTENSE[number])]
    for name, colour in colours:
        rules.append(f".term-fg{name}{{color:{_readable(colour)}}}")
        if _readable(colour) != colour:  # as it was meant, where there is a background for it
            rules.append(f".term-fg{name}[class*=term-bg]{{color:{colour}}}")
        background = name.replace("3", "4", 1) if len(name) == 2 and name[0] == "3" else name.replace("i9", "i10")
        text = "#fff" if _luminance(colour) < 0.18 else "#15181c"
        rules.append(f":where(.term-bg{background}){{color:{text}}}.term-bg{background}{{background:{colour}}}")
    return tuple(rules)


def _luminance(colour: str) -> float:
    """Return the relative luminance of a colour. Source: WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _readable(colour: str) -> str:
    """Return a colour, made lighter as far as it needs to be read on the background of logs."""
    while (_luminance(colour) + 0.05) / (_luminance(_LOG_BACKGROUND) + 0.05) < _CONTRAST:
        parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        colour = "#" + "".join(f"{part + max(1, (255 - part) // 10):02x}" for part in parts)
    return colour


def _of_cube(number: int) -> str:
    """Return a colour of the 256-colour table above the first 16: a cube of 6 levels, then 24 greys."""
    if number >= 232:
        grey = 8 + (number - 232) * 10
        return f"#{grey:02x}{grey:02x}{grey:02x}"
    levels = (0, 95, 135, 175, 215, 255)
    rest = number - 16
    return f"#{levels[rest // 36]:02x}{levels[rest // 6 % 6]:02x}{levels[rest % 6]:02x}"
