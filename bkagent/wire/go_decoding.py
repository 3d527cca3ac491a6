"""JSON as Go's encoding/json takes it, for texts that the reference reads so. On the short path.

Bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, one for each; of two members of one name the last
counts. Source: https://pkg.go.dev/encoding/json#Unmarshal.

Go writes texts by the same rule, so what names a file in the body of one request is found by the bytes of another.
"""

from bkagent.wire import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict


_REPLACEMENT = "\ufffd"


def loads(text: "str | bytes | bytearray", *, is_stream: bool = False) -> object:
    """Return the value of a JSON text, or the first of a stream. Raises ValueError saying what is wrong and where."""
    if not isinstance(text, str):
        text = bytes(text).decode("utf-8", "surrogateescape")
    text = replace_escaped(text)
    document = json_text.first_value(text) if is_stream else json_text.loads(text)
    # Only an escape can still make half a pair.
    if "\\ud" not in text and "\\uD" not in text:
        return document
    try:
        return replace_lone_surrogates(document)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def replace_lone_surrogates(document: object) -> object:
    """Return a JSON value whose texts have U+FFFD for each half of a surrogate pair. Raises RecursionError."""
    if isinstance(document, str):
        return replace_escaped(document)
    if isinstance(document, list):
        return [replace_lone_surrogates(element) for element in document]
    if isinstance(document, dict):
        return {replace_escaped(name): replace_lone_surrogates(value) for name, value in document.items()}
    return document


def text_of(octets: bytes) -> str:
    """Return bytes that should be UTF-8 as a text."""
    return replace_escaped(octets.decode("utf-8", "surrogateescape"))


def replace_escaped(text: str) -> str:
    """Return a text with U+FFFD for each half of a surrogate pair, which also stand for bytes that do not fit."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return "".join(_REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in text)


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
            raise ValueError(f'the value of "{name}" must be a string')
    return {name: value or "" for name, value in document.items()}
