"""Plain values to YAML text, in blocks; texts are quoted wherever they could be read as something else."""

from __future__ import annotations

import json
import re
from typing import Any, List

from bkagent.yaml.scalars import resolve

# Begins with a letter or one of a few signs, holds nothing that has a meaning, ends with no blank.
_PLAIN = re.compile(r"[A-Za-z_/$(][\w ./$()+=@,;^~<>-]*", re.ASCII)
_LITERAL = re.compile(r"[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]*")


def dumps(value: Any) -> str:
    """Return the YAML text of None, booleans, numbers, texts, lists and dictionaries; it ends with a line end."""
    lines: List[str] = []
    _write(value, lines, "", "")
    return "\n".join(lines) + "\n"


def _write(value: Any, lines: List[str], first: str, indent: str) -> None:
    """Add a value's lines; the first begins with `first`, the others with `indent`."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            _write_entry(item, lines, first + _text(key) + ":", indent)
            first = indent
    elif isinstance(value, list) and value:
        for item in value:
            if isinstance(item, (dict, list)) and item:
                _write(item, lines, first + "- ", indent + "  ")
            else:
                _write_entry(item, lines, first + "-", indent)
            first = indent
    else:
        lines.append(first + _scalar(value))


def _write_entry(value: Any, lines: List[str], head: str, indent: str) -> None:
    deeper = indent + "  "
    if isinstance(value, (dict, list)) and value:
        lines.append(head)
        _write(value, lines, deeper, deeper)
    elif isinstance(value, str) and _is_literal(value):
        body = value.rstrip("\n")
        trailing = len(value) - len(body)
        lines.append(f"{head} |{('-', '')[trailing] if trailing < 2 else '+'}")
        lines += [deeper + line if line else "" for line in value.split("\n")[: None if not trailing else -1]]
    else:
        lines.append(f"{head} {_scalar(value)}")


def _is_literal(value: str) -> bool:
    """Say whether a text reads best as a block: several lines, none of which needs an escape."""
    if "\n" not in value.rstrip("\n") or not _LITERAL.fullmatch(value):
        return False
    return value[0] not in " \n\t" and "\t" not in value[:1]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, float):
        return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), repr(value))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not text.endswith(" ") and isinstance(resolve(text), str):
        return text
    return json.dumps(text, ensure_ascii=not _LITERAL.fullmatch(text))
