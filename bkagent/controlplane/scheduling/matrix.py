"""The jobs of a matrix: every combination of its values, and those values put into a step."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.steps_rules import Matrix, SoftFail

MOST_CHARACTERS = 1 << 20  # of one text: a few letters can ask for a long value many times
_TOKEN = re.compile(r"\{\{\s*matrix(?:\.([\w-]+))?\s*\}\}")


@dataclass(frozen=True)
class Combination:
    """One job of a matrix: a value for each dimension ("" names the only one of a plain list)."""

    values: Mapping[str, str]
    skip: str = ""
    soft_fail: Optional[SoftFail] = None


def combinations(matrix: Matrix) -> List[Combination]:
    """Return the product of the dimensions, adjusted, and then the combinations that adjustments add."""
    names = list(matrix.dimensions)
    found: Dict[Any, Combination] = {}
    for values in itertools.product(*matrix.dimensions.values()):
        found[values] = Combination(dict(zip(names, values)))
    for adjustment in matrix.adjustments:
        key = tuple(adjustment.combination[name] for name in names)
        found[key] = Combination(dict(zip(names, key)), adjustment.skip, adjustment.soft_fail)
    return list(found.values())


def count(matrix: Matrix) -> int:
    """Return at least as many as `combinations` would, without making them."""
    product = 1
    for values in matrix.dimensions.values():
        product *= len(values)
    return product + len(matrix.adjustments)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return a text, list or mapping (its keys too) with `{{matrix}}` and `{{matrix.name}}` replaced.

    Raises PipelineError for a dimension that the matrix does not have.
    """
    if isinstance(value, str):
        return _filled_text(value, values)
    if isinstance(value, Mapping):
        return {filled(name, values): filled(item, values) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(filled(item, values) for item in value)
    return value


def _filled_text(text: str, values: Mapping[str, str]) -> str:
    total = len(text)

    def value_of(found: "re.Match[str]") -> str:
        nonlocal total
        value = _value(found, values)
        total += len(value)
        if total > MOST_CHARACTERS:
            raise PipelineError(f"a text with its matrix values filled in has more than {MOST_CHARACTERS} characters")
        return value

    return _TOKEN.sub(value_of, text)


def _value(found: "re.Match[str]", values: Mapping[str, str]) -> str:
    name = found.group(1) or ""
    if name not in values:
        known = ", ".join("{{matrix." + each + "}}" if each else "{{matrix}}" for each in values)
        raise PipelineError(f"{found.group()} names no dimension of the matrix; it has {known}")
    return values[name]
