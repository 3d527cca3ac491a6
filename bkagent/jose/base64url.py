"""Base64url without padding (RFC 7515 section 2), read strictly: each value has a single spelling."""

from __future__ import annotations

import base64
import binascii


def encode(content: bytes) -> str:
    """Return the text of some bytes."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Return the bytes of a text. Raises ValueError for padding, blanks, other letters and bits that belong nowhere."""
    try:
        content = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    # The decoder of Python passes over letters that it does not know; they do not come back.
    if encode(content) != text:
        raise ValueError("not base64url without padding")
    return content


def encode_number(number: int, size: int = 0) -> str:
    """Return a number in `size` bytes, or in as few as it takes, the highest first."""
    return encode(number.to_bytes(size or max(1, (number.bit_length() + 7) // 8), "big"))
