"""Digests of short texts, by Python's own code for them.

`hashlib` and `hmac` load OpenSSL, which takes 4 MB and 5 ms, and is faster for megabytes. The standard library's
`random` does as this does.
"""

try:
    from _sha2 import sha256  # type: ignore[import-not-found]  # from Python 3.12 on
except ImportError:
    try:
        from _sha256 import sha256  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha256

try:
    from _operator import _compare_digest as is_equal
except ImportError:
    from hmac import compare_digest as is_equal  # type: ignore[no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

__all__ = ["hmac_sha256_hex", "is_equal", "sha1_hex", "sha256_hex", "sha256_hex_for"]

_BLOCK_BYTES = 64
_LITTLE_BYTES = 256 * 1024  # for more OpenSSL is worth its loading: it needs a fifth of the time


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the bytes, as 64 hexadecimal digits."""
    return str(sha256(data).hexdigest())


def sha1_hex(data: bytes) -> str:
    """Return the SHA-1 of the bytes, which identifies them and protects nothing, as 40 hexadecimal digits."""
    try:
        from _sha1 import sha1  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha1
    return str(sha1(data).hexdigest())


def sha256_hex_for(bytes_count: int) -> "Callable[[bytes], str]":
    """Return what does as `sha256_hex`, for so many bytes in total."""
    if bytes_count <= _LITTLE_BYTES:
        return sha256_hex
    import hashlib

    return lambda data: hashlib.sha256(data).hexdigest()


def hmac_sha256_hex(key: bytes, message: bytes) -> str:
    """Return the HMAC of a message with SHA-256 (RFC 2104), as 64 hexadecimal digits."""
    key = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(bytes(byte ^ 0x36 for byte in key) + message)
    return sha256_hex(bytes(byte ^ 0x5C for byte in key) + inner.digest())
