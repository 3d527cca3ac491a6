"""The full source of a plugin: `docker#v5` is short for one of the public plugins.

Source: job facts, canonical source: one segment is a plugin of buildkite-plugins, two are ORGANISATION/NAME.
"""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def full_source(source: str) -> str:
    """Return the source that a plugin has on the wire; what is no short form stays as it is."""
    if not source or source[0] in "/.\\":
        return source
    path, sharp, version = source.partition("#")
    path_only = path.partition("?")[0]
    # What Go would not read as a URL, or would read as one with a scheme, is left alone.
    if _SCHEME.match(path) or ":" in path_only.split("/")[0] or _BAD_ESCAPE.search(source) or _has_control(source):
        return source
    segments = path_only.split("/")
    if len(segments) > 2:
        return source
    if len(segments) == 1:
        return f"github.com/buildkite-plugins/{segments[0]}-buildkite-plugin{sharp}{version}"
    return f"github.com/{segments[0]}/{segments[1]}-buildkite-plugin{sharp}{version}"


def _has_control(text: str) -> bool:
    return any(letter < " " or letter == "\x7f" for letter in text)
