"""JSON in which no name stands twice: what two readers take for different values is refused."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from bkagent.wire import json_text


def loads(text: "str | bytes") -> Any:
    """Return the value of a text.

    Raises ValueError for what is no JSON, NaN and Infinity included, for a name that stands twice in an object, and for
    a whole number of so many digits that older Pythons take minutes to read it.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=json_text.parse_int
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _unique(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("an object has a name twice")
    return values


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
