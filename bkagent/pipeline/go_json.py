"""JSON as Go's encoder writes it: the form of what is uploaded and of `--dry-run`."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any, Callable, List, Union

from bkagent.pipeline.document.scalars import digits, plain_digits
from bkagent.pipeline.errors import PipelineError

_quoted: Callable[[str], str] = encode_basestring
_SPECIAL = re.compile("[<>&\u2028\u2029\ud800-\udfff]")
_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_ALWAYS = {"\u2028": "\\u2028", "\u2029": "\\u2029"}


def dumps(value: Any, *, indent: int = 0, escape_markup: bool = True) -> str:
    """Return a plain value as JSON, keys in their order.

    indent         spaces a level; 0 for one line without blanks
    escape_markup  whether <, > and & are written as \\u003c, \\u003e and \\u0026
    Raises PipelineError for numbers that JSON cannot hold.
    """
    parts: List[str] = []
    _write(value, parts, "\n" if indent else "", " " * indent, escape_markup)
    return "".join(parts)


def as_sent(value: Any) -> Any:
    """Return a value with its numbers as the receiver reads them: a float of 1e20 has become a whole number.

    Raises PipelineError for numbers that JSON cannot hold.
    """
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_sent(item) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return json.loads(_digits(value))
    return value


def _write(value: Any, parts: List[str], line: str, step: str, markup: bool) -> None:
    if isinstance(value, str):
        parts.append(_text(value, markup))
    elif value is None or isinstance(value, bool):
        parts.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, (int, float)):
        parts.append(_digits(value))
    elif isinstance(value, dict):
        colon = ": " if line else ":"
        _write_row("{}", line, parts, [(_text(key, markup) + colon, item) for key, item in value.items()], step, markup)
    elif isinstance(value, (list, tuple)):
        _write_row("[]", line, parts, [("", item) for item in value], step, markup)
    else:
        raise PipelineError(f"a {type(value).__name__} is not a JSON value")


def _write_row(brackets: str, line: str, parts: List[str], items: List[Any], step: str, markup: bool) -> None:
    deeper = line + step
    parts.append(brackets[0])
    for at, (before, item) in enumerate(items):
        parts.append(("," if at else "") + deeper + before)
        _write(item, parts, deeper, step, markup)
    parts.append((line if items else "") + brackets[1])


def _text(text: str, markup: bool) -> str:
    quoted = _quoted(text)
    if not _SPECIAL.search(quoted):
        return quoted

    def replaced(match: "re.Match[str]") -> str:
        letter = match.group()
        if letter in _MARKUP:
            return _MARKUP[letter] if markup else letter
        # A byte that is not UTF-8 came in as a lone surrogate; Go writes the replacement character.
        return _ALWAYS.get(letter, "\\ufffd")

    return _SPECIAL.sub(replaced, quoted)


def _digits(value: Union[int, float]) -> str:
    """Return a number; a whole number beyond 64 bits is a float to its readers."""
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 64:
        return str(value)
    try:
        return number(float(value))
    except OverflowError:
        return number(float("inf"))


def number(value: float) -> str:
    """Return a float as Go's encoder writes it. Raises PipelineError for what JSON cannot hold."""
    if value != value or value in (float("inf"), float("-inf")):
        raise PipelineError(f"{value} is a number that JSON cannot hold")
    sign, significant, point = digits(value)
    if significant == "0" or 1e-6 <= abs(value) < 1e21:
        return sign + plain_digits(significant, point)
    fraction = "." + significant[1:] if len(significant) > 1 else ""
    exponent = point - 1
    return f"{sign}{significant[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}".replace("e-0", "e-")
