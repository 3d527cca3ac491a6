"""Read fields out of a decoded JSON message, checking each as it is taken.

Every reading method raises WireError with a sentence that names the message, the field and what would be
legal. As in the Go programs on the other side, `null` counts as a missing field and unknown fields pass.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple, Union

from bkagent.errors import WireError

_REQUIRED = object()
_SHOWN_LETTERS = 60
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


class Reader:
    """The fields of one message; `role` names it in errors, as in "ping answer"."""

    def __init__(self, document: object, role: str) -> None:
        if not isinstance(document, dict):
            raise WireError(f"{role}: expected a JSON object, found {_shown(document)}")
        self._fields: Dict[str, Any] = document
        self._role = role

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """Return a text; without a default it must be there and not be empty."""
        value = self._fields.get(name)
        if value is None and default is not _REQUIRED:
            return str(default)
        if not isinstance(value, str) or (default is _REQUIRED and not value):
            raise self._wrong(name, "a string" if default is not _REQUIRED else "a string that is not empty", value)
        return value

    def name(self, name: str) -> str:
        """Return a text that is safe as the name of a file on every system."""
        value = self.text(name)
        if not value[0].isalnum() or len(value) > 100 or not set(value) <= _NAME_LETTERS:
            raise self._wrong(name, "letters, digits and -_. alone, a letter or digit first", value)
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        value = self._fields.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def whole(self, name: str, default: Any = _REQUIRED, low: Optional[int] = None) -> int:
        """Return a whole number of at least `low`."""
        value = self._fields.get(name)
        if value is None and default is not _REQUIRED:
            return int(default)
        if isinstance(value, bool) or not isinstance(value, int) or (low is not None and value < low):
            raise self._wrong(name, "a whole number" + ("" if low is None else f" of at least {low}"), value)
        return value

    def seconds(self, name: str, default: Any = _REQUIRED) -> float:
        """Return a time in seconds, more than 0; a default also stands in for 0 and less."""
        value: Union[int, float, None] = self._fields.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if default is not _REQUIRED and (value is None or (is_number and value is not None and value <= 0)):
            return float(default)
        if not is_number or value is None or not 0 < value < float("inf"):
            raise self._wrong(name, "a number of seconds above 0", value)
        return float(value)

    def text_map(self, name: str) -> Mapping[str, str]:
        """Return an object of texts; {} when it is missing."""
        return self.optional_text_map(name) or {}

    def optional_text_map(self, name: str) -> Optional[Mapping[str, str]]:
        """Return an object of texts, or None when it is missing, for fields where {} means something else."""
        value = self._fields.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object of strings", value)
        for key, item in value.items():
            if not isinstance(item, str):
                raise self._wrong(f"{name}.{key}", "a string", item)
        return dict(value)

    def texts(self, name: str) -> Tuple[str, ...]:
        """Return an array of texts; () when it is missing."""
        value = self._fields.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "an array of strings", value)
        return tuple(value)

    def fields(self, name: str) -> Mapping[str, Any]:
        """Return an object as it is; {} when it is missing."""
        value = self._fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return value

    def inner(self, name: str) -> Optional["Reader"]:
        """Return a reader of an object inside, or None when it is missing."""
        value = self._fields.get(name)
        return None if value is None else Reader(value, f"{self._role}, {name}")

    def _wrong(self, name: str, legal: str, value: object) -> WireError:
        return WireError(f"{self._role}: {name} must be {legal}, found {_shown(value)}")


def _shown(value: object) -> str:
    """Name a value by its kind, and by itself only where it cannot hold a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()[:_SHOWN_LETTERS]
    return "an array" if isinstance(value, list) else "an object"
