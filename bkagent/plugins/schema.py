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

    def problems(self, instance: object) -> List[str]:
        """Return what is wrong with `instance`, which is made of JSON's types; nothing where it fits."""
        return self._check(instance, self._document, "/", 0)

    def _check(self, instance: Any, schema: Any, at: str, depth: int) -> List[str]:
        if depth > _DEEPEST:
            return [f"{at}: the schema or the value is nested too deeply"]
        if schema is False:
            return [problem(at, instance, "schema is always false")]
        if not isinstance(schema, dict):
            return []
        if isinstance(schema.get("$ref"), str):
            return self._check(instance, self._resolve(schema["$ref"]), at, depth + 1)
        problems = [problem(at, instance, why) for why in rules.broken_rules(instance, schema)]
        if isinstance(instance, dict):
            problems += self._check_object(instance, schema, at, depth)
        if isinstance(instance, list):
            problems += self._check_array(instance, schema, at, depth)
        return problems + self._check_combinations(instance, schema, at, depth)

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            return True
        schema = self._document
        for name in reference[1:].split("/"):
            if name:
                name = name.replace("~1", "/").replace("~0", "~")
                schema = schema.get(name, True) if isinstance(schema, dict) else True
        return schema

    def _fits(self, instance: Any, schema: Any, at: str, depth: int) -> bool:
        return not self._check(instance, schema, at, depth + 1)

    def _check_combinations(self, instance: Any, schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        problems: List[str] = []
        for subschema in as_list(schema.get("allOf")):
            problems += self._check(instance, subschema, at, depth + 1)
        if "anyOf" in schema and not any(
            self._fits(instance, subschema, at, depth) for subschema in as_list(schema["anyOf"])
        ):
            problems.append(problem(at, instance, "did Not match any specified AnyOf schemas"))
        if "oneOf" in schema:
            count = sum(self._fits(instance, subschema, at, depth) for subschema in as_list(schema["oneOf"]))
            if count > 1:
                problems.append(problem(at, instance, "matched more than one specified OneOf schemas"))
            elif count == 0:
                problems.append(problem(at, instance, "did not match any of the specified OneOf schemas"))
        if "not" in schema and self._fits(instance, schema["not"], at, depth):
            problems.append(problem(at, instance, "result was valid, ('not') expected invalid"))
        if "if" in schema:
            branch = "then" if self._fits(instance, schema["if"], at, depth) else "else"
            problems += self._check(instance, schema.get(branch, True), at, depth + 1)
        return problems

    def _check_object(self, instance: Dict[str, Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        missing = [name for name in _names(schema.get("required")) if name not in instance]
        problems = [problem(at, instance, f'"{name}" value is required') for name in missing]
        problems += [problem(at, instance, why) for why in rules.counts_of_object(instance, schema)]
        for name, needed in _mapping(schema.get("dependentRequired")).items():
            if name in instance:
                absent = [absent_name for absent_name in _names(needed) if absent_name not in instance]
                problems += [problem(at, instance, f'"{absent_name}" property is required') for absent_name in absent]
        return problems + self._check_properties(instance, schema, at, depth)

    def _check_properties(self, instance: Dict[str, Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        known, patterns = _mapping(schema.get("properties")), _mapping(schema.get("patternProperties"))
        pairs = [(name, known[name]) for name in known if name in instance]
        for name in sorted(instance):
            pairs += [(name, subschema) for pattern, subschema in patterns.items() if matches(pattern, name)]
        matched_names = {name for name, _each in pairs}
        remaining_names = [name for name in sorted(instance) if name not in matched_names]
        additional = schema.get("additionalProperties", True)
        pairs += [(name, additional) for name in remaining_names if additional is not False]
        problems: List[str] = []
        for name, subschema in pairs:
            problems += self._check(instance[name], subschema, f"{at.rstrip('/')}/{name}", depth + 1)
        if "propertyNames" in schema:
            for name in sorted(instance):
                problems += self._check(name, schema["propertyNames"], f"{at.rstrip('/')}/{name}", depth + 1)
        if additional is False and remaining_names:
            problems.append(problem(at, instance, "additional properties are not allowed"))
        return problems

    def _check_array(self, instance: List[Any], schema: Dict[str, Any], at: str, depth: int) -> List[str]:
        problems: List[str] = []
        items = schema.get("items", True)
        for number, element in enumerate(instance):
            subschema = items
            if isinstance(items, list):
                subschema = items[number] if number < len(items) else schema.get("additionalItems", True)
            problems += self._check(element, subschema, f"{at.rstrip('/')}/{number}", depth + 1)
        problems += [problem(at, instance, why) for why in rules.counts_of_array(instance, schema)]
        if "contains" in schema and not any(
            self._fits(subschema, schema["contains"], at, depth) for subschema in instance
        ):
            problems.append(problem(at, instance, f"must contain at least one of: {rules.as_json(schema['contains'])}"))
        return problems


def _names(names: Any) -> List[str]:
    return [name for name in as_list(names) if isinstance(name, str)]


def _mapping(node: Any) -> Dict[str, Any]:
    return node if isinstance(node, dict) else {}
