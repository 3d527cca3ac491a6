"""Request bodies: JSON to checked values, with the sentences that clients of the job API know."""

from __future__ import annotations

from typing import Dict, List, Tuple

from bkagent.transport.server.request_head import BadRequest
from bkagent.wire import go_decoding

_INT64 = 1 << 63

# What the reference says where Python's scanner says this, and how far behind the stated place the character is.
# Scripts show these texts to people; none parses them.
_PROBLEMS = {
    "Expecting property name": ("looking for beginning of object key string", 0),
    "Illegal trailing comma": ("looking for beginning of object key string", 0),
    "Expecting ':' delimiter": ("after object key", 0),
    "Expecting ',' delimiter": ("after a value", 0),
    "Expecting value": ("looking for beginning of value", 0),
    "expected a JSON value": ("looking for beginning of value", 0),
    "Invalid control character": ("in string literal", 0),
    "Invalid \\escape": ("in string escape code", 1),
}
_WORDS = ("true", "false", "null")


def read_object(body: bytes) -> Dict[str, object]:
    """Return the JSON object that `body` begins with; what follows it is ignored. Raises BadRequest 400."""
    if not body.strip():
        raise BadRequest(400, "failed to decode request body: EOF")
    try:
        document = go_decoding.loads(body, is_stream=True)
    except ValueError as problem:
        raise BadRequest(400, f"failed to decode request body: {_explain(body, problem)}") from problem
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise BadRequest(400, "failed to decode request body: it must be a JSON object")
    return document


def text_map(document: Dict[str, object], name: str) -> Tuple[Dict[str, str], List[str]]:
    """Return the texts of the object under `name`, and the sorted keys whose value is null. Raises BadRequest 400."""
    values = go_decoding.member(document, name)
    if values is None:
        return {}, []
    if not isinstance(values, dict):
        raise BadRequest(400, f"failed to decode request body: {name} must be an object of strings")
    nulls = sorted(key for key, value in values.items() if value is None)
    for key, value in values.items():
        if value is not None and not isinstance(value, str):
            raise BadRequest(400, f"failed to decode request body: {name}.{key} must be a string")
    return {key: value for key, value in values.items() if value is not None}, nulls


def text_list(document: Dict[str, object], name: str) -> List[str]:
    """Return the list of texts under `name`, empty when absent; null is an empty text. Raises BadRequest 400."""
    values = go_decoding.member(document, name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(value is None or isinstance(value, str) for value in values):
        raise BadRequest(400, f"failed to decode request body: {name} must be a list of strings")
    return [value or "" for value in values]


def text(document: Dict[str, object], name: str) -> str:
    """Return the text under `name`, empty when absent. Raises BadRequest 400."""
    value = go_decoding.member(document, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadRequest(400, f"failed to decode request body: {name} must be a string")
    return value


def whole_number(document: Dict[str, object], name: str) -> int:
    """Return the number of at most 64 bits under `name`, 0 when absent. Raises BadRequest 400."""
    value = go_decoding.member(document, name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not -_INT64 <= value < _INT64:
        raise BadRequest(400, f"failed to decode request body: {name} must be a whole number of at most 64 bits")
    return value


def _explain(body: bytes, problem: ValueError) -> str:
    message = str(problem)
    position = getattr(problem, "pos", None)
    if position is None:
        last = message.rpartition(" ")[2]
        position = int(last) if last.isdigit() else None
    content = body.decode("utf-8", "surrogateescape")
    if position is None:
        return message
    if message.startswith("Unterminated string") or _is_cut_off(content[position:].rstrip()):
        return "unexpected EOF"
    for start, (ending, offset) in _PROBLEMS.items():
        if message.startswith(start):
            return f"invalid character {_quote(content[position + offset :][:1])} {ending}"
    return message


def _is_cut_off(rest: str) -> bool:
    """Return whether a text that is no value could be the beginning of one."""
    return rest in ("", "-") or any(word.startswith(rest) for word in _WORDS)


def _quote(letter: str) -> str:
    return repr(letter) if letter != "'" else "'\\''"
