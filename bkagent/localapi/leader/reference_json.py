"""JSON of the reference's lock API: requests read, answers written and faults worded as Go's encoding/json does.

Clients print these sentences. Source: https://pkg.go.dev/encoding/json and answers of the reference's server.
"""

from __future__ import annotations

import json
from typing import Dict, List, Optional, Tuple

from bkagent.localapi.leader.go_syntax import find_fault
from bkagent.wire import go_decoding

_FIELDS = ("old", "new")
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_KINDS = {str: "string", bool: "bool", int: "number", float: "number", list: "array", tuple: "object"}
_NOT_DECODED = "couldn't decode request body: "
_BLANKS = " \t\r\n"


class Undecodable(ValueError):
    """A request body that is not what it should be. The message is the reference's."""


def _refuse(name: str) -> object:
    raise ValueError(name)


# An object is a tuple of pairs, so that it differs from an array and keeps a name that comes twice. The value of a
# number makes no difference.
_DECODER = json.JSONDecoder(
    object_pairs_hook=tuple, parse_int=lambda digits: 0, parse_float=lambda digits: 0.0, parse_constant=_refuse
)


def encode_text(text: str) -> str:
    """Return a text as a JSON string."""
    quoted: str = json.encoder.encode_basestring(go_decoding.replace_escaped(text))  # type: ignore[attr-defined]
    return quoted.translate(_ESCAPES)


def read_swap(body: bytes) -> Tuple[str, str]:
    """Return `old` and `new` of a request to compare and swap; what is missing is "". Raises Undecodable.

    As in the reference, what follows the first JSON value is not looked at.
    """
    document = _decode(body)
    if document is None:
        return "", ""
    if not isinstance(document, tuple):
        kind = _KINDS[type(document)]
        raise _unfit(f"json: cannot unmarshal {kind} into Go value of type agentapi.LockCASRequest")
    texts: Dict[str, str] = {}
    problems: List[str] = []
    for name, value in document:
        field = name.lower()
        if field not in _FIELDS or value is None:
            continue
        if isinstance(value, str):
            texts[field] = go_decoding.replace_escaped(value)
        else:
            kind = _KINDS[type(value)]
            problems.append(f"json: cannot unmarshal {kind} into Go struct field LockCASRequest.{field} of type string")
    if problems:
        raise _unfit(problems[0])
    return texts.get("old", ""), texts.get("new", "")


def _decode(body: bytes) -> object:
    text = body.decode("utf-8", "surrogateescape")
    problem: Optional[Exception] = None
    try:
        start = len(text) - len(text.lstrip(_BLANKS))
        document: object = _DECODER.raw_decode(text, start)[0]
    except (ValueError, RecursionError) as error:
        document, problem = None, error
    if problem is not None or not isinstance(document, tuple):
        try:
            fault = find_fault(body)
        except RecursionError:
            fault = "exceeded max depth"
        if fault or problem is not None:
            raise _unfit(fault or str(problem))
    return document


def _unfit(reason: str) -> Undecodable:
    return Undecodable(_NOT_DECODED + reason)
