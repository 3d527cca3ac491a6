"""JSON as Go's encoding/json takes it, for texts that the reference reads so. On the short path.

Bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD, one for each; of two members of one name the last
counts. Source: https://pkg.go.dev/encoding/json#Unmarshal.
"""

from bkagent.wire import json_text
from bkagent.wire.lossy_text import replace_escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict


def loads(text: "str | bytes | bytearray") -> object:
    """Return the value of a JSON text. Raises ValueError saying what is wrong and where."""
    if not isinstance(text, str):
        text = bytes(text).decode("utf-8", "surrogateescape")
    text = replace_escaped(text)
    document = json_text.loads(text)
    # Only an escape can still make half a pair.
    if "\\ud" not in text and "\\uD" not in text:
        return document
    try:
        return without_halves(document)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def without_halves(document: object) -> object:
    """Return a JSON value whose texts have U+FFFD for each half of a surrogate pair. Raises RecursionError."""
    if isinstance(document, str):
        return replace_escaped(document)
    if isinstance(document, list):
        return [without_halves(item) for item in document]
    if isinstance(document, dict):
        return {replace_escaped(name): without_halves(value) for name, value in document.items()}
    return document


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
