"""Read the attributes of one step, or raise an error that names the invalid one."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from bkagent.pipeline import go_json
from bkagent.pipeline.errors import PipelineError

_FLAGS = {"true": True, "false": False, "": False}


class Fields:
    """The attributes of a step, or of a part of it. `what` begins every sentence about them."""

    def __init__(self, document: Mapping[str, Any], what: str) -> None:
        self.document = document
        self.what = what

    def __contains__(self, name: str) -> bool:
        return name in self.document

    def first(self, *names: str) -> Any:
        """Return the value of the first of these names that is there and not null, or None."""
        for name in names:
            if self.document.get(name) is not None:
                return self.document[name]
        return None

    def text(self, *names: str) -> str:
        """Return a text; numbers and booleans are taken as written, a missing one is ""."""
        value = self.first(*names)
        if value is None:
            return ""
        if isinstance(value, (Mapping, list)):
            raise self.wrong(names[0], "a string", value)
        return plain_text(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean, also one written as text."""
        value = self.document.get(name)
        if value is None:
            return default
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        raise self.wrong(name, "true or false", value)

    def whole(self, name: str, low: Optional[int] = None, *aliases: str) -> Optional[int]:
        """Return a whole number, also one written as text, or None when it is not given."""
        value = self.first(name, *aliases)
        if value is None or value == "":
            return None
        number = whole_number(value)
        if number is None or (low is not None and number < low):
            raise self.wrong(name, "a whole number" + (f" of at least {low}" if low is not None else ""), value)
        return number

    def choice(self, name: str, words: Sequence[str], default: str) -> str:
        """Return one of `words`."""
        value = self.document.get(name)
        if value is None or value == "":
            return default
        if value not in words:
            raise self.wrong(name, "one of " + ", ".join(words), value)
        return str(value)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return a mapping, an empty one when it is not given."""
        value = self.document.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise self.wrong(name, "a mapping", value)
        return value

    def text_map(self, name: str) -> Mapping[str, str]:
        """Return a mapping of plain values as texts."""
        texts = {}
        for key, value in self.mapping(name).items():
            if isinstance(value, (Mapping, list)):
                raise self.wrong(f"{name}.{key}", "a plain value", value)
            texts[key] = "" if value is None else plain_text(value)
        return texts

    def items(self, name: str) -> Tuple[Any, ...]:
        """Return a list, an empty one when it is not given."""
        value = self.document.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(name, "a list", value)
        return tuple(value)

    def texts(self, name: str, separator: Optional[str] = None, *aliases: str) -> Tuple[str, ...]:
        """Return a text, split at `separator` where there is one, or a list of texts."""
        value = self.first(name, *aliases)
        if value is None:
            return ()
        parts: List[str] = []
        for item in value if isinstance(value, list) else [value]:
            if item is None or isinstance(item, (Mapping, list)):
                raise self.wrong(name, "a string or a list of strings", value)
            parts += plain_text(item).split(separator) if separator else [plain_text(item)]
        return tuple(item.strip() for item in parts if item.strip())

    def wrong(self, name: str, expected: str, value: Any) -> PipelineError:
        """Return the error for an attribute of the wrong type."""
        return PipelineError(f"{self.what}: {name} must be {expected}, not {describe(value)}")


def whole_number(value: Any) -> Optional[int]:
    """Return a whole number from a number or its text, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    try:
        return int(value, 10) if isinstance(value, str) and len(value) < 20 else None
    except ValueError:
        return None


def plain_text(value: Any) -> str:
    """Return a plain value as text, booleans and floats the way JSON would write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return go_json.number(value) if isinstance(value, float) else str(value)


def describe(value: Any) -> str:
    """Return a value in a few words for a message."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f'"{text}"' if isinstance(value, str) else text
