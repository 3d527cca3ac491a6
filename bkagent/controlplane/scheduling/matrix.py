"""The jobs of a matrix: every combination of its values, and those values put into a step."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any, List, Mapping, Optional, Set

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.rules import Adjustment, Matrix, SoftFail

MOST_CHARACTERS = 1 << 20  # of one text: a few letters can ask for a long value many times
_TOKEN = re.compile(r"\{\{\s*matrix(?:\.([\w-]+))?\s*\}\}")


@dataclass(frozen=True)
class Combination:
    """One job of a matrix: a value for each dimension ("" names the only one of a plain list)."""

    values: Mapping[str, str]
    skip: str = ""
    soft_fail: Optional[SoftFail] = None


def combinations(matrix: Matrix) -> List[Combination]:
    """Return the product of the dimensions, and then the combinations that adjustments add, all of them adjusted.

    An adjustment is for every combination that has its values, whichever of the two stands first. What one of them
    skips stays skipped; the last that has a `soft_fail` says what that is. Source: for those that name every
    dimension go-pipeline, step_command_matrix.go; the hosted service takes others too.
    Raises PipelineError for an adjustment that would add a combination without naming every dimension.
    """
    names = list(matrix.dimensions)
    all_values = [dict(zip(names, values)) for values in itertools.product(*matrix.dimensions.values())]
    complete = [adjustment.combination for adjustment in matrix.adjustments if _is_whole(adjustment, matrix)]
    all_values += [{name: combination[name] for name in names} for combination in complete]
    distinct = {tuple(values.values()): values for values in all_values}
    used: Set[int] = set()
    adjusted = [_adjust(values, matrix, used) for values in distinct.values()]
    for number, adjustment in enumerate(matrix.adjustments):
        if number not in used and not adjustment.skip:
            missing = ", ".join(name for name in names if name not in adjustment.combination)
            raise PipelineError(
                f"adjustment {number + 1} of the matrix matches no combination; to add one, it must also name {missing}"
            )
    return adjusted


def _adjust(values: Mapping[str, str], matrix: Matrix, used: Set[int]) -> Combination:
    """Return a combination with its adjustments, whose numbers are added to `used`."""
    skip, soft_fail = "", None
    for number, adjustment in enumerate(matrix.adjustments):
        if all(values[name] == value for name, value in adjustment.combination.items()):
            used.add(number)
            skip = skip or adjustment.skip
            soft_fail = soft_fail if adjustment.soft_fail is None else adjustment.soft_fail
    return Combination(values, skip, soft_fail)


def _is_whole(adjustment: Adjustment, matrix: Matrix) -> bool:
    return len(adjustment.combination) == len(matrix.dimensions)


def count(matrix: Matrix) -> int:
    """Return at least as many as `combinations` would, without making them."""
    product = 1
    for values in matrix.dimensions.values():
        product *= len(values)
    return product + sum(_is_whole(adjustment, matrix) for adjustment in matrix.adjustments)


def fill(node: Any, values: Mapping[str, str]) -> Any:
    """Return a text, list or mapping (its keys too) with `{{matrix}}` and `{{matrix.name}}` replaced.

    Raises PipelineError for a dimension that the matrix does not have.
    """
    if isinstance(node, str):
        return _fill_text(node, values)
    if isinstance(node, Mapping):
        return {fill(name, values): fill(element, values) for name, element in node.items()}
    if isinstance(node, (list, tuple)):
        return type(node)(fill(element, values) for element in node)
    return node


def _fill_text(text: str, values: Mapping[str, str]) -> str:
    total = len(text)

    def value_of(match: "re.Match[str]") -> str:
        nonlocal total
        replacement = _value(match, values)
        total += len(replacement)
        if total > MOST_CHARACTERS:
            raise PipelineError(f"a text with its matrix values filled in has more than {MOST_CHARACTERS} characters")
        return replacement

    return _TOKEN.sub(value_of, text)


def _value(match: "re.Match[str]", values: Mapping[str, str]) -> str:
    name = match.group(1) or ""
    if name not in values:
        known = ", ".join("{{matrix." + each + "}}" if each else "{{matrix}}" for each in values)
        raise PipelineError(f"{match.group()} is not a dimension of the matrix; it has {known}")
    return values[name]
