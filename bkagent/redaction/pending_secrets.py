"""Secrets whose needles have not been made yet: those take longer than all else that a job without output does.

A token, of letters, digits and a few signs, leaves a trace in whatever holds it: itself, or the beginning of what
base64 makes of it at one of the three places to begin. No other encoding changes it.
"""

from __future__ import annotations

from binascii import b2a_base64
from typing import Dict, List, Tuple

from bkagent.redaction.encodings import BASE64_STARTS, SHORTEST_BYTES, TO_URL_ALPHABET, UNRESERVED

_TRACE_BYTES = 12
# By then a search for all needles at once has become worth its preparation.
_LONGEST_TEXT_BYTES = 4096
_MOST_TEXT_BYTES = 64 * 1024
_MOST_SECRETS_COUNT = 32


class PendingSecrets:
    """Each with its traces. Not thread-safe."""

    def __init__(self) -> None:
        self._traces: Dict[str, Tuple[bytes, ...]] = {}
        self._left_bytes = _MOST_TEXT_BYTES

    def __bool__(self) -> bool:
        return bool(self._traces)

    def add(self, secret: str) -> bool:
        """Keep a secret for later; return False, and do not, where its needles are needed at once."""
        if secret not in self._traces:
            token = secret.encode("ascii") if secret.isascii() else b""
            if not token or token.translate(None, UNRESERVED) or len(self._traces) >= _MOST_SECRETS_COUNT:
                return False
            self._traces[secret] = _traces_of(token)
        return True

    def may_be_in(self, text: bytes) -> bool:
        """Return whether a form of a secret may be in a text, or its first line; true as well for much text."""
        self._left_bytes -= len(text)
        if self._left_bytes < 0 or len(text) > _LONGEST_TEXT_BYTES:
            return True
        return any(trace in text for traces in self._traces.values() for trace in traces)

    def take(self) -> List[str]:
        """Return the secrets, which are no longer pending then."""
        secrets, self._traces = list(self._traces), {}
        return secrets


def _traces_of(token: bytes) -> Tuple[bytes, ...]:
    traces = [token]
    if len(token) >= SHORTEST_BYTES:
        for offset, hidden in BASE64_STARTS:
            whole = b"\0" * offset + token
            trace = b2a_base64(whole, newline=False)[hidden : len(whole) * 8 // 6][:_TRACE_BYTES]
            traces += [trace, trace.translate(TO_URL_ALPHABET)]
    return tuple(dict.fromkeys(traces))
