"""Read files of keys: those that sign, and those that verify."""

from __future__ import annotations

from typing import Tuple

from bkagent.config.options import pipeline as options
from bkagent.config.options.signing import ALGORITHMS
from bkagent.errors import AgentError
from bkagent.jose import key_set
from bkagent.jose.errors import InvalidKey
from bkagent.jose.jwk import Jwk

LARGEST_BYTES = 1024 * 1024


def read(path: str) -> Tuple[Jwk, ...]:
    """Return the keys of a file. Raises AgentError with one line that names it."""
    try:
        with open(path, "rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise AgentError(f"cannot read {path}: {error.strerror}") from None
    if len(text) > LARGEST_BYTES:
        raise AgentError(f"{path} is larger than {LARGEST_BYTES} bytes")
    try:
        return key_set.parse(text)
    except InvalidKey as problem:
        raise AgentError(f"{path} has no valid key set: {problem}") from None


def read_signing_key(path: str, key_id: str) -> Jwk:
    """Return the key of a file that is to sign, by its id where there are several. Raises AgentError."""
    try:
        return _chosen(read(path), key_id)
    except AgentError as problem:
        raise AgentError(f"couldn't read the signing key file: {problem}") from None


def _chosen(keys: Tuple[Jwk, ...], key_id: str) -> Jwk:
    if not key_id and len(keys) != 1:
        raise AgentError(f"it has {len(keys)} keys; name one of them with --{options.JWKS_KEY.name}")
    named = [key for key in keys if key.key_id == key_id] if key_id else list(keys)
    if not named:
        raise AgentError(f'signing key ID "{key_id}" could not be found in JWKS')
    key = named[0]
    if key.algorithm not in ALGORITHMS:
        legal = f"{', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}"
        raise AgentError(f"alg of the key must be {legal}, not {key.algorithm or 'missing'}")
    if not key.is_private:
        raise AgentError("the key is a public one, and signing needs the private one")
    if "sign" not in key.uses:
        raise AgentError("use or key_ops of the key do not allow it to sign")
    return key
