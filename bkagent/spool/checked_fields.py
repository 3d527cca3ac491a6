"""Reads a JSON object into a named tuple, field by field."""

from __future__ import annotations

import json
import math
from typing import Any, Dict, Iterable, Mapping, Tuple, Type, TypeVar

from bkagent.errors import WireError

_KINDS = {
    float: "a number", int: "a whole number", str: "text", bool: "true or false",
    Tuple[str, ...]: "a list of strings", Mapping[str, str]: "a map of strings",
}  # fmt: skip
_Kind = TypeVar("_Kind")


def to_text(document: Any) -> str:
    """Return the JSON text of a named tuple."""
    return json.dumps(document._asdict(), indent=1, sort_keys=True) + "\n"


def parse_object(text: str, name: str) -> Dict[str, object]:
    """Return what a JSON object holds. Raises WireError naming the file."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise WireError(f"{name} is not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise WireError(f"{name} must be a JSON object")
    return document


def read_fields(cls: Type[_Kind], document: Dict[str, object], name: str) -> _Kind:
    """Return the named tuple. Unknown keys pass, missing ones take their default. Raises WireError naming the field."""
    values: Dict[str, object] = {}
    for field, kind in cls.__annotations__.items():
        if field in document:
            values[field] = _check(f"{name}: {field}", kind, document[field])
        elif field not in cls._field_defaults:  # type: ignore[attr-defined]
            raise WireError(f"{name}: {field} is missing")
    return cls(**values)


def _check(name: str, kind: object, value: object) -> object:
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 <= value < math.inf:
            raise WireError(f"{name} must be a number of at least 0")
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    if kind == Mapping[str, str] and isinstance(value, dict) and _are_texts(value.values()):
        return value
    if kind == Tuple[str, ...] and isinstance(value, list) and _are_texts(value):
        return tuple(value)
    raise WireError(f"{name} must be {_KINDS[kind]}")


def _are_texts(values: "Iterable[object]") -> bool:
    return all(isinstance(value, str) for value in values)
