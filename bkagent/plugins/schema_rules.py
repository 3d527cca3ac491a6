"""The rules of a JSON schema that look at one value alone, and the words for what breaks them: the reference's."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any, Callable, Dict, List

_SHOWN_BYTES = 20
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_TYPES: Dict[str, Callable[[Any], bool]] = {
    "null": lambda instance: instance is None,
    "boolean": lambda instance: isinstance(instance, bool),
    "object": lambda instance: isinstance(instance, dict),
    "array": lambda instance: isinstance(instance, list),
    "string": lambda instance: isinstance(instance, str),
    "number": lambda instance: is_number(instance),
    "integer": lambda instance: is_number(instance) and _is_whole(instance),
}
# What is told of a value that has the wrong type: the first that fits.
_TOLD = ("null", "boolean", "object", "array", "string", "integer", "number")


def problem(at: str, instance: Any, why: str) -> str:
    """Return the sentence about a value at a place such as `/volumes/0`; a long value is cut."""
    raw = as_json(instance).encode("utf-8", "surrogatepass")
    text = raw.decode("utf-8", "replace")
    if len(raw) > _SHOWN_BYTES:
        text = raw[:_SHOWN_BYTES].decode("utf-8", "replace") + "..."
    return f"{at}: {text} {why}"


def as_json(instance: Any) -> str:
    """Return a value made of JSON's types as compact JSON, safe inside HTML."""
    text = json.dumps(instance, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    for letter, escape in _HTML.items():
        text = text.replace(letter, escape)
    return text


def broken_rules(instance: Any, schema: Dict[str, Any]) -> List[str]:
    """Return why a value breaks the rules that do not look into it."""
    problems = _type(instance, schema)
    if "enum" in schema and not any(equal(instance, allowed) for allowed in as_list(schema["enum"])):
        problems.append(f"should be one of [{', '.join(map(as_json, as_list(schema['enum'])))}]")
    if "const" in schema and not equal(instance, schema["const"]):
        problems.append(f"must equal {as_json(schema['const'])}")
    if isinstance(instance, str):
        problems += _text(instance, schema)
    if is_number(instance):
        problems += _number(instance, schema)
    return problems


def counts_of_object(instance: Dict[str, Any], schema: Dict[str, Any]) -> List[str]:
    """Return why an object has too few or too many properties."""
    low, high, count = _limit(schema, "minProperties"), _limit(schema, "maxProperties"), len(instance)
    problems = [f"{count} object Properties below {low:g} minimum"] if low is not None and count < low else []
    return problems + (
        [f"{count} object Properties exceed {high:g} maximum"] if high is not None and count > high else []
    )


def counts_of_array(instance: List[Any], schema: Dict[str, Any]) -> List[str]:
    """Return why an array has too few or too many elements, or the same one twice."""
    low, high, count = _limit(schema, "minItems"), _limit(schema, "maxItems"), len(instance)
    problems = [f"array length {count} below {low:g} minimum items"] if low is not None and count < low else []
    if high is not None and count > high:
        problems.append(f"array length {count} exceeds {high:g} max")
    if schema.get("uniqueItems") is True:
        duplicates = [
            element for at, element in enumerate(instance) if any(equal(element, earlier) for earlier in instance[:at])
        ]
        problems += [f"array items must be unique. duplicated entry: {as_json(element)}" for element in duplicates[:1]]
    return problems


def _type(instance: Any, schema: Dict[str, Any]) -> List[str]:
    types = schema.get("type")
    names = [types] if isinstance(types, str) else as_list(types)
    if not names or any(_TYPES.get(str(name), lambda instance: True)(instance) for name in names):
        return []
    expected = str(names[0]) if isinstance(types, str) else f"one of: {','.join(map(str, names))}"
    return [f"type should be {expected}, got {next(name for name in _TOLD if _TYPES[name](instance))}"]


def _text(instance: str, schema: Dict[str, Any]) -> List[str]:
    low, high, pattern = _limit(schema, "minLength"), _limit(schema, "maxLength"), schema.get("pattern")
    problems: List[str] = []
    if low is not None and len(instance) < low:
        problems.append(f"min length of {low:g} characters required: {instance}")
    if high is not None and len(instance) > high:
        problems.append(f"max length of {high:g} characters exceeded: {instance}")
    if isinstance(pattern, str) and not matches(pattern, instance):
        problems.append(f"regexp pattern {pattern} mismatch on string: {instance}")
    return problems


def _number(instance: Any, schema: Dict[str, Any]) -> List[str]:
    number_text = as_json(instance)
    rules: Dict[str, "tuple[Callable[[Any], bool], str]"] = {
        "multipleOf": (lambda step: step == 0 or _is_multiple(instance, step), "must be a multiple of"),
        "maximum": (lambda limit: instance <= limit, "must be less than or equal to"),
        "exclusiveMaximum": (lambda limit: instance < limit, f"{number_text} must be less than"),
        "minimum": (lambda limit: instance >= limit, "must be greater than or equal to"),
        "exclusiveMinimum": (lambda limit: instance > limit, f"{number_text} must be greater than"),
    }
    return [
        f"{words} {as_json(schema[name])}"
        for name, (holds, words) in rules.items()
        if is_number(schema.get(name)) and not holds(schema[name])
    ]


def _limit(schema: Dict[str, Any], name: str) -> "float | None":
    limit = schema.get(name)
    return limit if is_number(limit) else None


def is_number(instance: Any) -> bool:
    """Say whether a value is a JSON number; to Python, true and false are numbers as well."""
    return isinstance(instance, (int, float)) and not isinstance(instance, bool)


def _is_whole(instance: Any) -> bool:
    return isinstance(instance, int) or instance.is_integer()


def _is_multiple(instance: Any, step: Any) -> bool:
    try:
        return Fraction(str(instance)) % Fraction(str(step)) == 0
    except ValueError:
        return False  # infinity, which a number such as 1e999 becomes


def equal(left: Any, right: Any) -> bool:
    """Say whether two values are the same. In Python, 1 == True; in JSON a number is never a truth value."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def as_list(node: Any) -> List[Any]:
    """Return a list, an empty one for anything else."""
    return node if isinstance(node, list) else []


def matches(pattern: object, text: str) -> bool:
    """Say whether a pattern is found in a text; an invalid pattern forbids nothing."""
    try:
        return re.search(str(pattern), text) is not None
    except re.error:
        return True
