"""JSON as Go's encoding/json takes it, for texts that the reference reads so. On the short path.

Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD, one for each; of two members of one name the last
counts. Source: https://pkg.go.dev/encoding/json#Unmarshal.
"""

from bkagent.wire import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def loads(text: "str | bytes | bytearray") -> object:
    """Return the value of a JSON text. Raises ValueError saying what is wrong and where."""
    if not isinstance(text, str):
        text = bytes(text).decode("utf-8", "surrogateescape")
    text = _whole(text)
    document = json_text.loads(text)
    # Only an escape can still make half a pair.
    return _without_halves(document) if "\\ud" in text or "\\uD" in text else document


def member(document: "Dict[str, object]", name: str) -> object:
    """Return what a field called `name` is given, None for nothing: the case of names makes no difference to Go."""
    if len(document) == 1 and name in document:
        return document[name]
    return next((value for key, value in reversed(list(document.items())) if key.lower() == name), None)


def string_map(document: object) -> "Dict[str, str]":
    """Return an object of texts: null is the empty one, and as a text the empty text. Raises ValueError."""
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ValueError("it must be a JSON object")
    for name, value in document.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f'the value of "{name}" must be a text')
    return {name: value or "" for name, value in document.items()}


def _whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which also stand for bytes that could not be decoded."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def _without_halves(document: object) -> object:
    if isinstance(document, str):
        return _whole(document)
    if isinstance(document, list):
        return [_without_halves(item) for item in document]
    if isinstance(document, dict):
        return {_whole(name): _without_halves(value) for name, value in document.items()}
    return document
