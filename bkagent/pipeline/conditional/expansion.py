"""Shell-style expansions of a condition: $X, ${X}, ${X:-d}, ${X-d}, ${X+a}, ${X:+a}, ${X?m}, ${X:1:2}."""

from __future__ import annotations

import re
from typing import Any, Callable, List, Mapping, Optional, Union

from bkagent.pipeline.conditional.lexer import error_at

_FORM = re.compile(
    r"\$(?:(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)"
    r"(?:(?P<operator>:-|:\+|:\?|-|\+|\?)(?P<word>[^{}]*)"
    r"|:\s*(?P<offset>-?\d{1,18})\s*(?::\s*(?P<length>-?\d{1,18})\s*)?)?\})",
    re.ASCII,
)
_IN_TEXT = re.compile(r"\\(?P<escaped>[\\\"'$])|\$[A-Za-z_]\w*|\$\{[^{}]*\}", re.ASCII)
Lookup = Callable[[Mapping[str, Any]], Any]


def expansion(text: str, at: int) -> Lookup:
    """Return the function that answers an expansion: a text, or None where the variable is not set."""
    form = _FORM.fullmatch(text)
    if form is None:
        error_at(
            at, f"{text} is not an expansion; expected ${{NAME}}, ${{NAME:-text}}, ${{NAME:+text}} or ${{NAME:0:7}}"
        )
    name = form.group("plain") or form.group("name")
    operator, word = form.group("operator") or "", form.group("word") or ""
    offset, length = form.group("offset"), form.group("length")

    def answer(variables: Mapping[str, Any]) -> Optional[str]:
        env = variables.get("env") or {}
        value: Optional[str] = env.get(name)
        given = value is not None and (value != "" or not operator.startswith(":"))
        if operator.endswith("+"):
            return word if given else None
        if operator.endswith("-"):
            return value if given else word
        if operator.endswith("?") and not given:
            error_at(at, f"${name}: {word or 'not set'}")
        return value if offset is None or value is None else _part(value, int(offset), length)

    return answer


def _part(value: str, offset: int, length: Optional[str]) -> str:
    start = min(max(len(value) + offset, 0) if offset < 0 else offset, len(value))
    if length is None:
        return value[start:]
    count = int(length)
    end = len(value) + count if count < 0 else start + count
    return value[start : max(end, start)]


def quoted(text: str, at: int) -> Lookup:
    """Return the function that answers a text in quotes; expansions count inside double quotes alone."""
    inner, double = text[1:-1], text[0] == '"'
    parts: List[Union[str, Lookup]] = []
    done = 0
    for match in _IN_TEXT.finditer(inner):
        escaped = match.group("escaped")
        if escaped is None and not double:
            continue
        parts.append(inner[done : match.start()])
        parts.append(escaped if escaped is not None else expansion(match.group(), at + 1 + match.start()))
        done = match.end()
    parts.append(inner[done:])
    if all(isinstance(part, str) for part in parts):
        whole = "".join(part for part in parts if isinstance(part, str))
        return lambda variables: whole
    return lambda variables: "".join(part if isinstance(part, str) else part(variables) or "" for part in parts)
