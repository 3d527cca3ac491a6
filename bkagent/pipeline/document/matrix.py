"""The matrix of a command step: a list, or `setup` with dimensions and `adjustments`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from bkagent.pipeline.document.scalars import WrongType, kind, mapping, text, texts

# The name of the only dimension of a matrix that is a list.
ANONYMOUS = ""


def read(value: Any) -> Dict[str, Any]:
    """Return {"setup": dimensions or None, "adjustments": [...], "rest": {...}}. Raises WrongType."""
    if isinstance(value, list):
        return {"setup": {ANONYMOUS: texts(value, "matrix")}, "adjustments": [], "rest": {}}
    if not isinstance(value, dict):
        raise WrongType(f"matrix must be a list or a mapping with setup, not {kind(value)}")
    rest = {key: item for key, item in value.items() if key not in ("setup", "adjustments")}
    setup = _setup(value["setup"]) if "setup" in value else None
    return {"setup": setup, "adjustments": _adjustments(value.get("adjustments")), "rest": rest}


def _setup(value: Any) -> Dict[str, Optional[List[str]]]:
    if isinstance(value, list):
        return {ANONYMOUS: texts(value, "matrix.setup")}
    dimensions = mapping(value, "matrix.setup")
    return {name: None if items is None else texts(items, f"matrix.setup.{name}") for name, items in dimensions.items()}


def _adjustments(value: Any) -> List[Optional[Dict[str, Any]]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise WrongType(f"matrix.adjustments must be a list, not {kind(value)}")
    adjustments: List[Optional[Dict[str, Any]]] = []
    for item in value:
        if item is None:
            adjustments.append(None)
            continue
        adjustment = dict(mapping(item, "an item of matrix.adjustments"))
        if "with" in adjustment:
            adjustment["with"] = _with(adjustment["with"])
        adjustments.append(adjustment)
    return adjustments


def _with(value: Any) -> Dict[str, str]:
    if isinstance(value, dict):
        return {name: _choice(item, f"with.{name}") for name, item in value.items()}
    return {ANONYMOUS: _choice(value, "with")}


def _choice(value: Any, what: str) -> str:
    """Return a value that an adjustment names. The elements of `setup` may have fractions, these may not."""
    if not isinstance(value, (bool, int, str)):
        raise WrongType(
            f"{what} of matrix.adjustments must be a string, a whole number, true or false, not {kind(value)}"
        )
    return text(value, what)


def to_wire(matrix: Dict[str, Any]) -> Any:
    """Return the wire form: a list where nothing but the anonymous dimension is there."""
    setup: Any = matrix["setup"]
    simple = setup is not None and list(setup) == [ANONYMOUS] and setup[ANONYMOUS]
    if simple and not matrix["adjustments"] and not matrix["rest"]:
        return setup[ANONYMOUS]
    whole = dict(matrix["rest"], setup=setup[ANONYMOUS] if simple else setup and dict(sorted(setup.items())))
    if matrix["adjustments"]:
        whole["adjustments"] = [_adjustment_to_wire(item) for item in matrix["adjustments"]]
    return dict(sorted(whole.items()))


def _adjustment_to_wire(adjustment: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if adjustment is None:
        return None
    whole = {key: item for key, item in adjustment.items() if key != "skip" or item or isinstance(item, dict)}
    combination = whole.setdefault("with", None)
    if combination is not None:
        anonymous = list(combination) == [ANONYMOUS]
        whole["with"] = combination[ANONYMOUS] if anonymous else dict(sorted(combination.items()))
    return dict(sorted(whole.items()))
