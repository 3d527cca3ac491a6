"""Gzip (RFC 1952), as bodies of requests and answers have it."""

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zlib import _Compress, _Decompress

_WINDOW_BITS = 16 + zlib.MAX_WBITS  # 16 is for a header and a trailer of gzip, https://zlib.net/manual.html


def compressor(level: int) -> "_Compress":
    """Return what makes one gzip member at a zlib level, from 1 (fast) to 9."""
    return zlib.compressobj(level, zlib.DEFLATED, _WINDOW_BITS)


def decompressor() -> "_Decompress":
    """Return what undoes one gzip member. It raises zlib.error."""
    return zlib.decompressobj(_WINDOW_BITS)
