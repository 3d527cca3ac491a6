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
        return choose_signing_key(read(path), path, key_id)
    except AgentError as problem:
        raise AgentError(f"couldn't read the signing key file: {problem}") from None


def choose_signing_key(keys: Tuple[Jwk, ...], path: str, key_id: str) -> Jwk:
    """Return the key of a file's that is to sign, by its id where there are several. Raises AgentError."""
    key = _named(keys, path, key_id)
    _check(key, path)
    return key


def describe_missing_id(path: str) -> str:
    """Return what is wrong with a key that signatures cannot name (RFC 7515 section 4.1.4)."""
    return f"the key in {path} has no kid, without which agents verify none of its signatures"


def _named(keys: Tuple[Jwk, ...], path: str, key_id: str) -> Jwk:
    if not keys:
        raise AgentError(f"{path} has no keys")
    if not key_id and len(keys) > 1:
        raise AgentError(f"{path} has {len(keys)} keys; name one of them with --{options.JWKS_KEY.name}")
    key = next((key for key in keys if key.key_id == key_id or not key_id), None)
    if key is None:
        raise AgentError(f'signing key ID "{key_id}" could not be found in JWKS')
    return key


def _check(key: Jwk, path: str) -> None:
    """Raise AgentError for a key that cannot sign pipelines."""
    if key.algorithm not in ALGORITHMS:
        legal = f"{', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}"
        stated = f"not {key.algorithm}" if key.algorithm else "and is missing"
        raise AgentError(f"alg of the key in {path} must be {legal}, {stated}")
    if not key.is_private:
        raise AgentError(f"the key in {path} is a public one, and signing needs the private one")
    if "sign" not in key.uses:
        raise AgentError(f"use or key_ops of the key in {path} do not allow it to sign")
