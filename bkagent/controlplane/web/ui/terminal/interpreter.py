"""Feeds bytes of a log to a screen: text, cursor movements, styles, time stamps, links."""

from __future__ import annotations

import codecs
import re
from typing import Dict

from bkagent.controlplane.web.ui.terminal.screen import WIDTH, Screen
from bkagent.controlplane.web.ui.terminal.style import PLAIN, restyle
from bkagent.markdown.addresses import SCHEMES, safe_address, scheme_of

_CONTROL = re.compile(
    r"\x1b\[(?P<private>[<=>?]?)(?P<parameters>[0-9;:]*)(?P<final>[@-~])"
    r"|\x1b(?P<string>[_\]])(?P<content>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|\x1b[()][^\x00-\x1f\x7f]|\x1b(?P<single>[78M=>])"
    r"|(?P<plain>[\n\r\x08\t])"
    r"|[\x00-\x1f\x7f-\x9f]",
    re.DOTALL,
)
# An escape sequence that the rest of a log may still complete. Past this length it never was one.
_UNFINISHED = re.compile(r"\x1b(?:\[[<=>?]?[0-9;:]*|[_\]][^\x07\x1b]*\x1b?|[()])?\Z")
_LONGEST = 64 * 1024
_PAIR = re.compile(r"""([a-z]{1,20})=("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:[^;\\]|\\.)*\\?)""", re.DOTALL)
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f]")
_LINK_CHARACTERS = 2048
# How much one link adds to a page that is written anew for each line and each style: two bytes would add 2 KiB each.
_REPEATED_CHARACTERS = 16 * 1024


class Interpreter:
    """Turns a log into the rows of its screen. `feed` may cut the bytes anywhere."""

    def __init__(self) -> None:
        self.screen = Screen()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""
        self._time_ms = 0
        self._link_left = 0  # characters that the link under way may still add

    def feed(self, output: bytes) -> None:
        """Take the next bytes of the log."""
        text = self._waiting + self._decoder.decode(output)
        self._waiting = ""
        last = text.rfind("\x1b", max(0, len(text) - _LONGEST))
        before_last = text.rfind("\x1b", max(0, len(text) - _LONGEST), max(last, 0))
        for start in (before_last, last):
            if start >= 0 and _UNFINISHED.match(text, start):
                self._waiting, text = text[start:], text[:start]
                break
        self._interpret(text)

    def _interpret(self, text: str) -> None:
        screen, at = self.screen, 0
        for match in _CONTROL.finditer(text):
            if match.start() > at:
                screen.write(text[at : match.start()])
            at = match.end()
            plain = match["plain"]
            if plain:
                self._plain(plain)
            elif match["final"]:
                if not match["private"] and not self._sequence(match["final"], match["parameters"]):
                    screen.write(match[0][1:])
            elif match["string"]:
                (self._stamp if match["string"] == "_" else self._command)(match["content"])
            elif match["single"]:
                self._single(match["single"])
            self._charge_link()
        if at < len(text):
            screen.write(text[at:])

    def _charge_link(self) -> None:
        """Count the link again: what follows may need an element of its own. End a link that has used up its share."""
        style = self.screen.style
        if style.link:
            self._link_left -= len(style.link)
            if self._link_left < 0:
                self.screen.style = style._replace(link="")

    def _plain(self, letter: str) -> None:
        if letter == "\n":
            self.screen.line_feed()
        elif letter == "\r":
            self.screen.to_column(0)
        elif letter == "\b":
            self.screen.move(-1, 0)
        else:
            self.screen.write(" " * (8 - self.screen.x % 8))

    def _single(self, letter: str) -> None:
        if letter == "7":
            self.screen.save()
        elif letter == "8":
            self.screen.restore()
        elif letter == "M":
            self.screen.move(0, -1)

    def _sequence(self, final: str, parameters: str) -> bool:
        """Carry out one CSI sequence; return False for an unknown one."""
        screen = self.screen
        if final == "m":
            screen.style = restyle(screen.style, parameters)
            return True
        first = parameters.partition(";")[0]
        number = min(int(first), 9999) if first.isdigit() and len(first) < 9 else 0
        count = max(number, 1)
        if final in "ABCD":
            screen.move(*{"A": (0, -count), "B": (0, count), "C": (count, 0), "D": (-count, 0)}[final])
        elif final in "EF":
            screen.move(-WIDTH, count if final == "E" else -count)
        elif final == "G":
            screen.to_column(count - 1)
        elif final in "Hf":
            if screen.rows[screen.y].length:
                screen.line_feed()
            column = parameters.split(";")[1:2]
            screen.to_column(int(column[0]) - 1 if column and column[0].isdigit() and len(column[0]) < 9 else 0)
        elif final == "J":
            screen.erase_in_window(number)
        elif final == "K":
            screen.erase_in_row(number)
        else:
            return final in "hilnr"  # modes, reports: nothing to see
        return True

    def _stamp(self, content: str) -> None:
        kind, _, rest = content.partition(";")
        if kind != "bk":
            return
        values = _values(rest)
        for name, base in (("t", 0), ("dt", self._time_ms)):
            time_text = values.get(name, "")
            if time_text.lstrip("-").isdigit() and len(time_text) < 16:
                self._time_ms = base + int(time_text)
                self.screen.stamp(self._time_ms)

    def _command(self, content: str) -> None:
        number, _, rest = content.partition(";")
        screen = self.screen
        if number == "8":
            screen.style = screen.style._replace(link=safe_link(rest.partition(";")[2]))
            self._link_left = _REPEATED_CHARACTERS
        elif number == "1339":
            values = _values(rest)
            style = screen.style
            screen.style = style._replace(link=safe_link(values.get("url", "")))
            screen.write(values.get("content") or values.get("url") or "")
            screen.style = style
        elif number in ("1337", "1338"):
            # Nothing is loaded from elsewhere by these pages: an image becomes a link on a line of its own.
            values = _values(rest)
            if screen.rows[screen.y].length:
                screen.line_feed()
            screen.style = PLAIN._replace(link=safe_link(values.get("url", "")) if number == "1338" else "")
            screen.write(f"[image {values.get('alt', '')}]".replace(" ]", "]"))
            screen.style = PLAIN
            screen.line_feed()


def safe_link(url: str) -> str:
    """Return `url` if a page may link to it, else "#"; "" for an empty URL or that of an artifact."""
    scheme = scheme_of(url)
    if not url or scheme == "artifact":
        return ""
    return (safe_address(url) if len(url) <= _LINK_CHARACTERS and scheme in SCHEMES else None) or "#"


def _values(text: str) -> Dict[str, str]:
    """Return the pairs of `a=b;c="d;e";f='g'`; a backslash keeps the letter after it."""
    values: Dict[str, str] = {}
    text = _UNPRINTABLE.sub("", text)
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair:
            value = pair[2]
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            values.setdefault(pair[1], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL))
            at = pair.end()
        following = text.find(";", at)
        at = following + 1 if following >= 0 else len(text)
    return values
