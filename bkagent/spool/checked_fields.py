"""Reads a JSON object into a frozen dataclass, field by field."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any, Dict, Type, TypeVar

from bkagent.errors import WireError

_KINDS = {
    "float": "a number", "int": "a whole number", "str": "text", "bool": "true or false",
    "Tuple[str, ...]": "a list of strings",
}  # fmt: skip
_Kind = TypeVar("_Kind")


def to_text(document: Any) -> str:
    """Return the JSON text of a dataclass."""
    return json.dumps(dataclasses.asdict(document), indent=1, sort_keys=True) + "\n"


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
    """Return the dataclass. Unknown keys pass, missing ones take their default. Raises WireError naming the field."""
    values: Dict[str, object] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in document:
            values[field.name] = _check(f"{name}: {field.name}", str(field.type), document[field.name])
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise WireError(f"{name}: {field.name} is missing")
    return cls(**values)


def _check(name: str, kind: str, value: object) -> object:
    if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not 0 <= value < math.inf:
            raise WireError(f"{name} must be a number of at least 0")
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if (kind == "str" and isinstance(value, str)) or (kind == "bool" and isinstance(value, bool)):
        return value
    if (
        kind.startswith("Mapping")
        and isinstance(value, dict)
        and all(isinstance(element, str) for element in value.values())
    ):
        return value
    if kind.startswith("Tuple") and isinstance(value, list) and all(isinstance(element, str) for element in value):
        return tuple(value)
    raise WireError(f"{name} must be {_KINDS.get(kind, 'a map of strings')}")
