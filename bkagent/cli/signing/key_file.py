"""Read files of keys: those that sign, and those that verify."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

from bkagent.config.options import pipeline as options
from bkagent.config.options.signing import ALGORITHMS
from bkagent.errors import AgentError, ConfigError
from bkagent.jose import key_set
from bkagent.jose.errors import InvalidKey
from bkagent.jose.jwk import Jwk
from bkagent.report import Report

if TYPE_CHECKING:
    from bkagent.cli.command import Call

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


def agent_keys(path: str, what: str) -> Tuple[Jwk, ...]:
    """Return the keys of a file that an agent is started with, whose option is called `what`. Raises ConfigError."""
    try:
        keys = read(path)
    except AgentError as problem:
        raise ConfigError(f"{what}: {problem}") from None
    if not keys:
        raise ConfigError(f"{what}: {path} has no keys")
    for at, key in enumerate(keys):
        if not key.algorithm:
            raise ConfigError(f"{what}: {path}: keys[{at}]: alg is missing")
    return keys


def verification_keys(path: str, what: str, report: Report) -> Tuple[Jwk, ...]:
    """Return the keys that verify jobs. Raises ConfigError.

    What verifies is loaded now, before the first job: code may be replaced under a running agent.
    """
    from bkagent.pipeline.signature import verify  # noqa: F401

    keys = agent_keys(path, what)
    if any(key.is_private for key in keys):
        report("warn", f"{what}: {path} has a private key; verification needs the public ones alone")
    for at, key in enumerate(keys):
        if not key.key_id or "verify" not in key.uses:
            report("warn", f"{what}: {path}: keys[{at}] verifies nothing: its kid, use or key_ops do not allow it to")
    return keys


def signing_key(call: Call) -> "Jwk | None":
    """Return the key that the options of a command name, None where they name none. Raises AgentError."""
    settings = call.settings
    for option in (options.AWS_KMS_KEY, options.GCP_KMS_KEY):
        if settings[option]:
            raise AgentError(
                f"--{option.name} ({settings.origin(option)}): keys of cloud services are not supported yet; "
                "use --jwks-file"
            )
    path = settings[options.JWKS_FILE]
    if not path:
        return None
    try:
        return _chosen(read(path), settings[options.JWKS_KEY])
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
