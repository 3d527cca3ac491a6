"""Answers with tokens, in JSON: RFC 6749, section 5.1. Errors never quote them."""

from __future__ import annotations

from typing import Optional

from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import WireError
from bkagent.wire import go_decoding
from bkagent.wire.reader import Reader

LARGEST_BYTES = 1024 * 1024  # of an answer, a credential file or a token; as Google's libraries for Go
_LONGEST_LIFETIME_S = 1e9
_LATEST_S = 1e11


def read_token(body: bytes, what: str, now_s: float) -> Expiring[Secret]:
    """Return the access token of an answer that `what` sent. Raises WireError.

    Its lifetime is `expires_in` in seconds; some of Azure's endpoints have `expires_on`, in seconds since the epoch,
    instead or as well, and some write either as a text of digits.
    """
    document = _decoded(body, what)
    token = read_secret(Reader(document, what), "access_token", what)
    assert isinstance(document, dict)
    lifetime_s, expires_s = _seconds(document.get("expires_in")), _seconds(document.get("expires_on"))
    if lifetime_s is not None:
        expires_s = now_s + min(lifetime_s, _LONGEST_LIFETIME_S)
    if expires_s is None:
        raise WireError(f"{what}: expires_in must be a number of seconds above 0")
    return Expiring(token, expires_s)


def read_object(body: bytes, what: str) -> Reader:
    """Return the fields of a JSON object. Raises WireError."""
    return Reader(_decoded(body, what), what)


def read_secret(reader: Reader, name: str, what: str) -> Secret:
    """Return a token that can stand in a header. Raises WireError."""
    text = reader.text(name)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise WireError(f"{what}: {name} has characters that a token cannot have")
    return Secret(text)


def _decoded(body: bytes, what: str) -> object:
    try:
        return go_decoding.loads(body)
    except (ValueError, RecursionError):
        raise WireError(f"{what}: the answer is not JSON") from None


def _seconds(value: object) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < _LATEST_S else None
