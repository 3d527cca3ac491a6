"""The matrix of a command step: a list, or `setup` with dimensions and `adjustments`."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from bkagent.pipeline.document.scalars import WrongType, kind, mapping, text, texts

# The name of the only dimension of a matrix that is a list.
ANONYMOUS = ""


def read(node: Any) -> Dict[str, Any]:
    """Return {"setup": dimensions or None, "adjustments": [...], "rest": {...}}. Raises WrongType."""
    if isinstance(node, list):
        return {"setup": {ANONYMOUS: texts(node, "matrix")}, "adjustments": [], "rest": {}}
    if not isinstance(node, dict):
        raise WrongType(f"matrix must be a list or a mapping with setup, not {kind(node)}")
    rest = {key: field for key, field in node.items() if key not in ("setup", "adjustments")}
    setup = _setup(node["setup"]) if "setup" in node else None
    return {"setup": setup, "adjustments": _adjustments(node.get("adjustments")), "rest": rest}


def _setup(node: Any) -> Dict[str, Optional[List[str]]]:
    if isinstance(node, list):
        return {ANONYMOUS: texts(node, "matrix.setup")}
    dimensions = mapping(node, "matrix.setup")
    return {name: None if items is None else texts(items, f"matrix.setup.{name}") for name, items in dimensions.items()}


def _adjustments(node: Any) -> List[Optional[Dict[str, Any]]]:
    if node is None:
        return []
    if not isinstance(node, list):
        raise WrongType(f"matrix.adjustments must be a list, not {kind(node)}")
    adjustments: List[Optional[Dict[str, Any]]] = []
    for element in node:
        if element is None:
            adjustments.append(None)
            continue
        adjustment = dict(mapping(element, "an item of matrix.adjustments"))
        if "with" in adjustment:
            adjustment["with"] = _with(adjustment["with"])
        adjustments.append(adjustment)
    return adjustments


def _with(node: Any) -> Dict[str, str]:
    if isinstance(node, dict):
        return {name: _choice(scalar, f"with.{name}") for name, scalar in node.items()}
    return {ANONYMOUS: _choice(node, "with")}


def _choice(scalar: Any, what: str) -> str:
    """Return a value that an adjustment names. The elements of `setup` may have fractions, these may not."""
    if not isinstance(scalar, (bool, int, str)):
        raise WrongType(
            f"{what} of matrix.adjustments must be a string, a whole number, true or false, not {kind(scalar)}"
        )
    return text(scalar, what)


def to_wire(matrix: Dict[str, Any]) -> Any:
    """Return the wire form: a list where nothing but the anonymous dimension is there."""
    setup: Any = matrix["setup"]
    simple = setup is not None and list(setup) == [ANONYMOUS] and setup[ANONYMOUS]
    if simple and not matrix["adjustments"] and not matrix["rest"]:
        return setup[ANONYMOUS]
    whole = dict(matrix["rest"], setup=setup[ANONYMOUS] if simple else setup and dict(sorted(setup.items())))
    if matrix["adjustments"]:
        whole["adjustments"] = [_adjustment_to_wire(adjustment) for adjustment in matrix["adjustments"]]
    return dict(sorted(whole.items()))


def _adjustment_to_wire(adjustment: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    if adjustment is None:
        return None
    whole = {key: field for key, field in adjustment.items() if key != "skip" or field or isinstance(field, dict)}
    combination = whole.setdefault("with", None)
    if combination is not None:
        anonymous = list(combination) == [ANONYMOUS]
        whole["with"] = combination[ANONYMOUS] if anonymous else dict(sorted(combination.items()))
    return dict(sorted(whole.items()))
