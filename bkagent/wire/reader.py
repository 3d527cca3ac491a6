"""Read fields out of a decoded JSON message, checking each as it is taken.

Every reading method raises WireError with a sentence that names the message, the field and what would be
legal. As in the Go programs on the other side, `null` counts as a missing field and unknown fields pass.
"""

from __future__ import annotations

from bkagent.errors import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Tuple, Union

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
        text = self._fields.get(name)
        if text is None and default is not _REQUIRED:
            return str(default)
        if not isinstance(text, str) or (default is _REQUIRED and not text):
            raise self._wrong(name, "a string" if default is not _REQUIRED else "a string that is not empty", text)
        return text

    def name(self, name: str) -> str:
        """Return a text that is safe as the name of a file on every system."""
        text = self.text(name)
        if not text[0].isalnum() or len(text) > 100 or not set(text) <= _NAME_LETTERS:
            raise self._wrong(name, "letters, digits and -_. alone, a letter or digit first", text)
        return text

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        flag = self._fields.get(name)
        if flag is None:
            return default
        if not isinstance(flag, bool):
            raise self._wrong(name, "true or false", flag)
        return flag

    def whole(self, name: str, default: Any = _REQUIRED, low: Optional[int] = None) -> int:
        """Return a whole number of at least `low`."""
        number = self._fields.get(name)
        if number is None and default is not _REQUIRED:
            return int(default)
        if isinstance(number, bool) or not isinstance(number, int) or (low is not None and number < low):
            raise self._wrong(name, "a whole number" + ("" if low is None else f" of at least {low}"), number)
        return number

    def seconds(self, name: str, default: Any = _REQUIRED) -> float:
        """Return a time in seconds, more than 0; a default also stands in for 0 and less."""
        seconds: Union[int, float, None] = self._fields.get(name)
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if default is not _REQUIRED and (seconds is None or (is_number and seconds is not None and seconds <= 0)):
            return float(default)
        if not is_number or seconds is None or not 0 < seconds < float("inf"):
            raise self._wrong(name, "a number of seconds above 0", seconds)
        return float(seconds)

    def text_map(self, name: str) -> Mapping[str, str]:
        """Return an object of texts; {} when it is missing."""
        return self.optional_text_map(name) or {}

    def optional_text_map(self, name: str) -> Optional[Mapping[str, str]]:
        """Return an object of texts, or None when it is missing, for fields where {} means something else."""
        texts = self._fields.get(name)
        if texts is None:
            return None
        if not isinstance(texts, dict):
            raise self._wrong(name, "an object of strings", texts)
        for key, text in texts.items():
            if not isinstance(text, str):
                raise self._wrong(f"{name}.{key}", "a string", text)
        return dict(texts)

    def texts(self, name: str) -> Tuple[str, ...]:
        """Return an array of texts; () when it is missing."""
        texts = self._fields.get(name)
        if texts is None:
            return ()
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._wrong(name, "an array of strings", texts)
        return tuple(texts)

    def array(self, name: str) -> Tuple[object, ...]:
        """Return an array as it is; () when it is missing."""
        values = self._fields.get(name)
        if values is None:
            return ()
        if not isinstance(values, list):
            raise self._wrong(name, "an array", values)
        return tuple(values)

    def fields(self, name: str) -> Mapping[str, Any]:
        """Return an object as it is; {} when it is missing."""
        fields = self._fields.get(name)
        if fields is None:
            return {}
        if not isinstance(fields, dict):
            raise self._wrong(name, "an object", fields)
        return fields

    def inner(self, name: str) -> Optional["Reader"]:
        """Return a reader of an object inside, or None when it is missing."""
        document = self._fields.get(name)
        return None if document is None else Reader(document, f"{self._role}, {name}")

    def _wrong(self, name: str, legal: str, member: object) -> WireError:
        return WireError(f"{self._role}: {name} must be {legal}, found {_shown(member)}")


def _shown(member: object) -> str:
    """Name a value by its kind, and by itself only where it cannot hold a secret."""
    if member is None:
        return "nothing"
    if isinstance(member, str):
        return "a string" if member else "an empty string"
    if isinstance(member, (bool, int, float)):
        return str(member).lower()[:_SHOWN_LETTERS]
    return "an array" if isinstance(member, list) else "an object"
