"""Request bodies: JSON to checked values, with the sentences that clients of the job API know."""

from __future__ import annotations

from typing import Dict, List, Tuple

from bkagent.transport.request_head import BadRequest
from bkagent.wire import go_decoding

_INT64 = 1 << 63

# What the reference says where Python's scanner says this. Scripts show these texts to people; none parses them.
_LOOKING_FOR = {
    "Expecting property name": "looking for beginning of object key string",
    "Illegal trailing comma": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after a value",
    "Expecting value": "looking for beginning of value",
    "expected a JSON value": "looking for beginning of value",
}


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
    if position >= len(content.rstrip()):
        return "unexpected EOF"
    for start, ending in _LOOKING_FOR.items():
        if message.startswith(start):
            return f"invalid character {content[position]!r} {ending}"
    return message
