"""The full source of a plugin: `docker#v5` is short for one of the public plugins.

One segment is a plugin of buildkite-plugins, two are ORGANISATION/NAME. Control planes are given this form, and
allow-lists are held against it. Source: https://buildkite.com/docs/pipelines/integrations/plugins/using#plugin-sources;
buildkite/go-pipeline, plugin.go.
"""

from __future__ import annotations

import posixpath

from bkagent.wire import go_url


def full_source(source: str) -> str:
    """Return the source that a plugin has on the wire; anything but a short form or a URL stays as it is."""
    if not source or source[0] in "/.\\":
        return source
    try:
        url = go_url.parse(source)
    except go_url.BadUrl:
        return source
    if url.scheme:
        return source
    segments = (url.path[1:] if url.path.startswith("/") else url.path).split("/")
    if len(segments) > 2:
        return source
    owner = segments[0] if len(segments) == 2 else "buildkite-plugins"
    version = f"#{url.fragment}" if url.fragment else ""
    return posixpath.normpath(f"github.com/{owner}/{segments[-1]}-buildkite-plugin{version}")
