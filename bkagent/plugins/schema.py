"""Hold a value against a JSON schema (draft 7, as far as plugins use it): every problem as a sentence.

Unknown keywords are passed over, as the draft asks for. `$ref` reaches into the same schema only.
"""

from __future__ import annotations

from typing import Any, Dict, List

from bkagent.plugins import schema_rules as rules
from bkagent.plugins.schema_rules import as_list, matches, problem

_DEEPEST = 60


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
            return [problem(at, value, "schema is always false")]
        if not isinstance(schema, dict):
            return []
        if isinstance(schema.get("$ref"), str):
            return self._check(value, self._resolve(schema["$ref"]), at, depth + 1)
        problems = [problem(at, value, why) for why in rules.broken_rules(value, schema)]
        if isinstance(value, dict):
            problems += self._check_object(value, schema, at, depth)
        if isinstance(value, list):
            problems += self._check_array(value, schema, at, depth)
        return problems + self._check_combinations(value, schema, at, depth)

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return True
        schema = self._document
        for name in reference[1:].split("/"):
            if name:
                name = name.replace("~1", "/").replace("~0", "~")
                schema = schema.get(name, True) if isinstance(schema, dict) else True
        return schema

    def _fits(self, value: Any, schema: Any, at: str, depth: int) -> bool:
        return not self._check(value, schema, at, depth + 1)

    def _check_combinations(self, value: Any, schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        problems: List[str] = []
        for subschema in as_list(schema.get("allOf")):
            problems += self._check(value, subschema, at, depth + 1)
        if "anyOf" in schema and not any(
            self._fits(value, subschema, at, depth) for subschema in as_list(schema["anyOf"])
        ):
            problems.append(problem(at, value, "did Not match any specified AnyOf schemas"))
        if "oneOf" in schema:
            count = sum(self._fits(value, subschema, at, depth) for subschema in as_list(schema["oneOf"]))
            if count > 1:
                problems.append(problem(at, value, "matched more than one specified OneOf schemas"))
            elif count == 0:
                problems.append(problem(at, value, "did not match any of the specified OneOf schemas"))
        if "not" in schema and self._fits(value, schema["not"], at, depth):
            problems.append(problem(at, value, "result was valid, ('not') expected invalid"))
        if "if" in schema:
            branch = "then" if self._fits(value, schema["if"], at, depth) else "else"
            problems += self._check(value, schema.get(branch, True), at, depth + 1)
        return problems

    def _check_object(self, value: Dict[str, Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        missing = [name for name in _names(schema.get("required")) if name not in value]
        problems = [problem(at, value, f'"{name}" value is required') for name in missing]
        problems += [problem(at, value, why) for why in rules.counts_of_object(value, schema)]
        for name, needed in _mapping(schema.get("dependentRequired")).items():
            if name in value:
                absent = [absent_name for absent_name in _names(needed) if absent_name not in value]
                problems += [problem(at, value, f'"{absent_name}" property is required') for absent_name in absent]
        return problems + self._check_properties(value, schema, at, depth)

    def _check_properties(self, value: Dict[str, Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        known, patterns = _mapping(schema.get("properties")), _mapping(schema.get("patternProperties"))
        pairs = [(name, known[name]) for name in known if name in value]
        for name in sorted(value):
            pairs += [(name, subschema) for pattern, subschema in patterns.items() if matches(pattern, name)]
        matched_names = {name for name, _each in pairs}
        remaining_names = [name for name in sorted(value) if name not in matched_names]
        additional = schema.get("additionalProperties", True)
        pairs += [(name, additional) for name in remaining_names if additional is not False]
        problems: List[str] = []
        for name, subschema in pairs:
            problems += self._check(value[name], subschema, f"{at.rstrip('/')}/{name}", depth + 1)
        if "propertyNames" in schema:
            for name in sorted(value):
                problems += self._check(name, schema["propertyNames"], f"{at.rstrip('/')}/{name}", depth + 1)
        if additional is False and remaining_names:
            problems.append(problem(at, value, "additional properties are not allowed"))
        return problems

    def _check_array(self, value: List[Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        problems: List[str] = []
        items = schema.get("items", True)
        for number, element in enumerate(value):
            subschema = items
            if isinstance(items, list):
                subschema = items[number] if number < len(items) else schema.get("additionalItems", True)
            problems += self._check(element, subschema, f"{at.rstrip('/')}/{number}", depth + 1)
        problems += [problem(at, value, why) for why in rules.counts_of_array(value, schema)]
        if "contains" in schema and not any(
            self._fits(subschema, schema["contains"], at, depth) for subschema in value
        ):
            problems.append(problem(at, value, f"must contain at least one of: {rules.as_json(schema['contains'])}"))
        return problems


def _names(value: Any) -> List[str]:
    return [name for name in as_list(value) if isinstance(name, str)]


def _mapping(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}
