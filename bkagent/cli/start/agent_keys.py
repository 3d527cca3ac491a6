"""The keys that an agent is started with: those that jobs sign with, and those that verify jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Tuple

from bkagent.cli.signing import key_file
from bkagent.config.options import agent_signing
from bkagent.errors import AgentError, ConfigError
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.signature import verify  # noqa: F401
from bkagent.wire.log_events import EventReport

if TYPE_CHECKING:
    from bkagent.cli.command import Call


def read_keys(path: str, what: str) -> Tuple[Jwk, ...]:
    """Return the keys of a file that an agent is started with, whose option is called `what`. Raises ConfigError."""
    try:
        keys = key_file.read(path)
    except AgentError as problem:
        raise ConfigError(f"{what}: {problem}") from None
    if not keys:
        raise ConfigError(f"{what}: {path} has no keys")
    for at, key in enumerate(keys):
        if not key.algorithm:
            raise ConfigError(f"{what}: {path}: keys[{at}]: alg is missing")
    return keys


def check_signing_key(call: Call, what: str) -> None:
    """Raise ConfigError for a file that has no keys; warn of a key by which no job could sign, as its log will say."""
    path, settings = call.settings[agent_signing.SIGNING_JWKS_FILE], call.settings
    keys = read_keys(path, what)
    try:
        key = key_file.choose_signing_key(keys, path, settings[agent_signing.SIGNING_JWKS_KEY_ID])
    except AgentError as problem:
        call.report("warn", f"{what}: jobs cannot sign what they upload: {problem}", "config.warning")
        return
    if not key.key_id:
        call.report("warn", f"{what}: {key_file.describe_missing_id(path)}", "config.warning")


def verification_keys(path: str, what: str, report: EventReport) -> Tuple[Jwk, ...]:
    """Return the keys that verify jobs. Raises ConfigError.

    What verifies is loaded with this file, before the first job: code may be replaced under a running agent.
    """
    keys = read_keys(path, what)
    if any(key.is_private for key in keys):
        text = f"{what}: {path} has a private key; verification needs the public ones alone"
        report("warn", text, "config.warning")
    for at, key in enumerate(keys):
        if not key.key_id or "verify" not in key.uses:
            text = f"{what}: {path}: keys[{at}] verifies nothing: its kid, use or key_ops do not allow it to"
            report("warn", text, "config.warning")
    return keys


def service_keys(call: Call) -> Tuple[Jwk, ...]:
    """Return the key of a key service, by which jobs sign, as the one that verifies them. Raises ConfigError."""
    from bkagent.cli.signing import key_services  # loaded here: most keys are in files

    try:
        key = key_services.agent_key(call)
    except AgentError as problem:
        raise ConfigError(str(problem)) from None
    return (key.public,) if key else ()
