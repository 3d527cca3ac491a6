"""The full source of a plugin, as allow-lists see it."""

from __future__ import annotations

import re

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


def canonical(source: str) -> str:
    """Return `docker#v5` as `github.com/buildkite-plugins/docker-buildkite-plugin#v5`; longer sources as they are."""
    if not source or source[0] in "/.\\" or _SCHEME.match(source):
        return source
    location, mark, version = source.partition("#")
    words = location.split("/")
    if len(words) > 2 or ":" in words[0]:
        return source
    owner, name = words if len(words) == 2 else ("buildkite-plugins", words[0])
    return f"github.com/{owner}/{name}-buildkite-plugin{mark}{version}"
