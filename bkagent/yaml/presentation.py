"""How YAML text shows a value without parts: plain, in quotes, or as a block; as Go's yaml.v3 chooses.

A text stays plain where no reader can take it for something else, which includes readers of YAML 1.1: `yes`, `on` and
`1:30` are booleans and numbers to those. Source: gopkg.in/yaml.v3, encode.go and emitterc.go.
"""

from __future__ import annotations

import math
import re
from typing import Any

from bkagent.yaml.scalars import resolve
from bkagent.yaml.timestamp import TimestampText

_YAML_1_1 = re.compile(
    r"y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
)
# What that library takes for printable, without what ends a line there.
_PRINTABLE = "\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd"
_SPECIAL = re.compile(f"[^{_PRINTABLE}]")
_ESCAPED = re.compile(f'[^{_PRINTABLE}]|["\\\\]')
_UNSAFE_BLOCK = re.compile(f"[^{_PRINTABLE}\\n\\t]| \\n")
# Signs that mean something at the start of a text, and within one.
_INDICATOR = re.compile(r"[#,\[\]{}&*!|>'\"%@`]|[?:-](?: |$)|---|\.\.\.")
_INNER = re.compile(r":(?: |$)| #")
_SHORT = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


def leaf(value: Any) -> str:
    """Return None, a boolean, a number, a text, a point in time, an empty list or an empty dictionary in one line."""
    if isinstance(value, TimestampText):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def key(name: Any) -> str:
    """Return the key of a dictionary; it stands in one line, whatever is in it."""
    return leaf(name)


def is_block(text: str) -> bool:
    """Whether a text is shown as a block: several lines, the first not empty, none of which needs an escape."""
    return "\n" in text and text[0] != "\n" and not text.endswith(" ") and not _UNSAFE_BLOCK.search(text)


def block_header(text: str, indentation: int) -> str:
    """Return what stands before a block: `|`, its indentation where the text begins with a blank, its line ends."""
    hint = str(indentation) if text[0] == " " else ""
    if not text.endswith("\n"):
        return f"|{hint}-"
    return f"|{hint}+" if text.endswith("\n\n") else f"|{hint}"


def _text(text: str) -> str:
    is_text = text != "<<" and isinstance(resolve(text), str) and not _YAML_1_1.fullmatch(text)
    if not is_text or _SPECIAL.search(text):
        return '"' + _ESCAPED.sub(_escape, text) + '"'
    if text.strip(" ") == text and not _INDICATOR.match(text) and not _INNER.search(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _escape(match: "re.Match[str]") -> str:
    letter = match.group()
    code = ord(letter)
    if letter in _SHORT:
        return "\\" + _SHORT[letter]
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _number(value: float) -> str:
    """Return a float in the fewest digits, with an exponent below 1e-4 and from 1e+6 on: Go's 'g'."""
    if math.isinf(value) or math.isnan(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    digits = power = ""
    for places in range(17):
        digits, _, power = f"{value:.{places}e}".partition("e")
        if float(f"{digits}e{power}") == value:
            break
    if -4 <= int(power) < 6:
        return repr(value)[:-2] if repr(value).endswith(".0") else repr(value)
    return f"{digits}e{power}"
