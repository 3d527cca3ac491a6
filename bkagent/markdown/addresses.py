"""Which addresses a page may link to: one reading of them, as browsers read them, for all that the pages show."""

from __future__ import annotations

import re
from typing import Callable, Optional

# What a link may open beside paths of this server. Annotations of the hosted service may link to these as well.
SCHEMES = ("http", "https", "mailto")
_EDGES = "".join(map(chr, range(0x21)))
_IGNORED = dict.fromkeys(map(ord, "\t\n\r"))
# Whatever stands before a colon, though most of it is no scheme to browsers: RFC 3986, 4.2, has no such paths either.
_SCHEME = re.compile(r"([^:/?#]*):")

Resolve = Callable[[str], Optional[str]]


def safe_address(address: str, resolve: Optional[Resolve] = None) -> Optional[str]:
    """Return `address` as browsers read it where a page may link to it, else None.

    A path must stay on this server. `resolve` is given an address of another scheme, which it turns into such a path
    or into None. Source: https://url.spec.whatwg.org/#concept-basic-url-parser: controls and blanks around an address
    and tabs and line ends within it do not count; percent escapes in a scheme are not decoded.
    """
    address = _without_ignored(address)
    scheme = scheme_of(address)
    if scheme in SCHEMES:
        return address
    if scheme is not None:
        path = resolve(scheme + address[len(scheme) :]) if resolve else None
        if path is None:
            return None
        address = _without_ignored(path)
    return address if _stays_here(address) else None


def scheme_of(address: str) -> Optional[str]:
    """Return the scheme of an address in small letters, None for a path."""
    scheme = _SCHEME.match(_without_ignored(address))
    return scheme[1].lower() if scheme else None


def _without_ignored(address: str) -> str:
    return address.strip(_EDGES).translate(_IGNORED)


def _stays_here(address: str) -> bool:
    """Return whether an address is a path of this server: browsers read a backslash as a slash, and "//" as a host."""
    return scheme_of(address) is None and not address.startswith(("//", "/\\", "\\"))
