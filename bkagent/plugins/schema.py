"""Hold a value against a JSON schema (draft 7, as far as plugins use it): every problem as a sentence.

Unknown keywords are passed over, as the draft asks for. `$ref` reaches into the same schema only.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Callable, Dict, List

_DEEPEST = 60
_TYPES: Dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: _is_number(value),
    "integer": lambda value: _is_number(value) and _is_whole(value),
}


class Schema:
    """A JSON schema: an object, or true or false for everything and nothing."""

    def __init__(self, document: object) -> None:
        self._document = document

    def problems(self, value: object) -> List[str]:
        """Return what is wrong with `value`, which is made of JSON's types; nothing where it fits."""
        return self._check(value, self._document, "/", 0)

    def _check(self, value: Any, schema: Any, at: str, depth: int) -> List[str]:
        if depth > _DEEPEST:
            return [f"{at}: the schema or the value is nested too deeply"]
        if schema is False:
            return [f"{at}: nothing is allowed here"]
        if not isinstance(schema, dict):
            return []
        if isinstance(schema.get("$ref"), str):
            return self._check(value, self._referred(schema["$ref"]), at, depth + 1)
        found = _plain_problems(value, schema, at)
        found += self._combined(value, schema, at, depth)
        if isinstance(value, dict):
            found += self._object(value, schema, at, depth)
        if isinstance(value, list):
            found += self._array(value, schema, at, depth)
        return found

    def _referred(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return True
        found = self._document
        for name in reference[1:].split("/"):
            if name:
                name = name.replace("~1", "/").replace("~0", "~")
                found = found.get(name, True) if isinstance(found, dict) else True
        return found

    def _fits(self, value: Any, schema: Any, at: str, depth: int) -> bool:
        return not self._check(value, schema, at, depth + 1)

    def _combined(self, value: Any, schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        found: List[str] = []
        for each in _listed(schema.get("allOf")):
            found += self._check(value, each, at, depth + 1)
        if "anyOf" in schema and not any(self._fits(value, each, at, depth) for each in _listed(schema["anyOf"])):
            found.append(f"{at}: it fits none of the allowed forms")
        if "oneOf" in schema:
            count = sum(self._fits(value, each, at, depth) for each in _listed(schema["oneOf"]))
            if count != 1:
                found.append(f"{at}: it fits {count} of the forms of which it must fit exactly one")
        if "not" in schema and self._fits(value, schema["not"], at, depth):
            found.append(f"{at}: it has a form that is not allowed")
        if "if" in schema:
            branch = "then" if self._fits(value, schema["if"], at, depth) else "else"
            found += self._check(value, schema.get(branch, True), at, depth + 1)
        return found

    def _object(self, value: Dict[str, Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        known, patterns = _mapping(schema.get("properties")), _mapping(schema.get("patternProperties"))
        found = [f'{at}: "{name}" value is required' for name in _names(schema.get("required")) if name not in value]
        for name, element in value.items():
            below = f"{at.rstrip('/')}/{name}"
            schemas = [known[name]] if name in known else []
            schemas += [each for pattern, each in patterns.items() if _matches(pattern, name)]
            if not schemas and "additionalProperties" in schema:
                if schema["additionalProperties"] is False:
                    found.append(f"{below}: additional properties are not allowed")
                schemas = [schema["additionalProperties"] or True]
            for each in schemas:
                found += self._check(element, each, below, depth + 1)
            found += self._check(name, schema.get("propertyNames", True), below, depth + 1)
        for name, needed in _mapping(schema.get("dependencies")).items():
            if name in value and isinstance(needed, list):
                found += [
                    f'{at}: "{other}" value is required with "{name}"' for other in _names(needed) if other not in value
                ]
            elif name in value:
                found += self._check(value, needed, at, depth + 1)
        return found + _count_problems(len(value), schema, "Properties", at)

    def _array(self, value: List[Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        found: List[str] = []
        items = schema.get("items", True)
        for number, element in enumerate(value):
            each = items
            if isinstance(items, list):
                each = items[number] if number < len(items) else schema.get("additionalItems", True)
            found += self._check(element, each, f"{at.rstrip('/')}/{number}", depth + 1)
        if "contains" in schema and not any(self._fits(each, schema["contains"], at, depth) for each in value):
            found.append(f"{at}: no element has the form that one must have")
        if schema.get("uniqueItems") is True and any(
            _equal(value[first], value[second]) for first in range(len(value)) for second in range(first)
        ):
            found.append(f"{at}: its elements must differ")
        return found + _count_problems(len(value), schema, "Items", at)


def _plain_problems(value: Any, schema: Dict[str, Any], at: str) -> List[str]:
    found: List[str] = []
    types = schema.get("type")
    names = [types] if isinstance(types, str) else _listed(types)
    if names and not any(_TYPES.get(str(name), lambda value: True)(value) for name in names):
        found.append(f"{at}: type should be {' or '.join(map(str, names))}")
    if "enum" in schema and not any(_equal(value, each) for each in _listed(schema["enum"])):
        found.append(f"{at}: it must be one of {', '.join(map(str, _listed(schema['enum'])))}")
    if "const" in schema and not _equal(value, schema["const"]):
        found.append(f"{at}: it must be {schema['const']}")
    if isinstance(value, str):
        found += _count_problems(len(value), schema, "Length", at)
        if isinstance(schema.get("pattern"), str) and not _matches(schema["pattern"], value):
            found.append(f"{at}: it must match {schema['pattern']}")
    if _is_number(value):
        found += _number_problems(value, schema, at)
    return found


def _number_problems(value: Any, schema: Dict[str, Any], at: str) -> List[str]:
    checks: Dict[str, Callable[[Any], bool]] = {
        "minimum": lambda limit: value >= limit,
        "maximum": lambda limit: value <= limit,
        "exclusiveMinimum": lambda limit: value > limit,
        "exclusiveMaximum": lambda limit: value < limit,
        "multipleOf": lambda step: step == 0 or _is_multiple(value, step),
    }
    return [
        f"{at}: {value} breaks {name} {schema[name]}"
        for name, holds in checks.items()
        if _is_number(schema.get(name)) and not holds(schema[name])
    ]


def _count_problems(count: int, schema: Dict[str, Any], what: str, at: str) -> List[str]:
    low, high = schema.get(f"min{what}"), schema.get(f"max{what}")
    found: List[str] = []
    if isinstance(low, (int, float)) and count < low:
        found.append(f"{at}: {count} is less than min{what} {low}")
    if isinstance(high, (int, float)) and count > high:
        found.append(f"{at}: {count} is more than max{what} {high}")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) or value.is_integer()


def _is_multiple(value: Any, step: Any) -> bool:
    try:
        return Fraction(str(value)) % Fraction(str(step)) == 0
    except ValueError:
        return False  # infinity, which a number such as 1e999 becomes


def _equal(left: Any, right: Any) -> bool:
    # In Python, 1 == True; in JSON a number is never a truth value.
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _names(value: Any) -> List[str]:
    return [name for name in _listed(value) if isinstance(name, str)]


def _mapping(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _matches(pattern: object, text: str) -> bool:
    try:
        return re.search(str(pattern), text) is not None
    except re.error:
        return True  # a pattern that is none forbids nothing
