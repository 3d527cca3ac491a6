"""Sets of JSON Web Keys (RFC 7517 section 5)."""

from __future__ import annotations

import json
from typing import Dict, Sequence, Tuple

from bkagent.jose import jwk, strict_json
from bkagent.jose.errors import InvalidKey
from bkagent.jose.jwk import Jwk

_LONGEST_SHOWN = 100  # characters of an id in a message


def parse(text: bytes) -> Tuple[Jwk, ...]:
    """Return the keys of a JSON text: those of a set, or a single one. Raises InvalidKey, in one line."""
    try:
        document = strict_json.loads(text)
    except ValueError:
        # The message of the parser may quote what it has read.
        raise InvalidKey("the text is not JSON, or has a name twice in an object") from None
    if not isinstance(document, dict):
        raise InvalidKey("a key set must be a JSON object")
    members = document.get("keys", [document])
    if not isinstance(members, list):
        raise InvalidKey('"keys" must be a list')
    keys = tuple(_parsed(at, member) for at, member in enumerate(members))
    _check_ids(keys)
    return keys


def _check_ids(keys: Sequence[Jwk]) -> None:
    """Raise InvalidKey where an id does not tell which key is meant."""
    positions: Dict[str, int] = {}
    for at, key in enumerate(keys):
        first = positions.setdefault(key.key_id, at) if key.key_id else at
        if first != at:
            shown = json.dumps(key.key_id[:_LONGEST_SHOWN])
            raise InvalidKey(f"keys[{first}] and keys[{at}] have the same kid: {shown}")


def _parsed(at: int, member: object) -> Jwk:
    try:
        return jwk.parse(member)
    except InvalidKey as problem:
        raise InvalidKey(f"keys[{at}]: {problem}") from None


def document(keys: Sequence[Jwk]) -> "dict[str, list[dict[str, str]]]":
    """Return the keys, private parts included, as the object of a JSON text."""
    return {"keys": [key.document() for key in keys]}
