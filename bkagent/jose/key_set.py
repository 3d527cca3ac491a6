"""Sets of JSON Web Keys (RFC 7517 section 5)."""

from __future__ import annotations

from typing import Sequence, Tuple

from bkagent.jose import jwk, strict_json
from bkagent.jose.errors import InvalidKey
from bkagent.jose.jwk import Jwk


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
    ids = [key.key_id for key in keys if key.key_id]
    twice = {key_id for key_id in ids if ids.count(key_id) > 1}
    if twice:
        raise InvalidKey(f"two keys have the same kid: {min(twice)}")
    return keys


def _parsed(at: int, member: object) -> Jwk:
    try:
        return jwk.parse(member)
    except InvalidKey as problem:
        raise InvalidKey(f"keys[{at}]: {problem}") from None


def document(keys: Sequence[Jwk]) -> "dict[str, list[dict[str, str]]]":
    """Return the keys, private parts included, as the object of a JSON text."""
    return {"keys": [key.document() for key in keys]}
