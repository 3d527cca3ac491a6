"""The address of a plugin, read as Go reads a URL: `docker`, `acme/x`, `ssh://git@host/x.git`, `./own`, `/folder`."""

from typing import NamedTuple

from bkagent.wire import go_url
from bkagent.wire.go_quoted import go_quote


class BadPlugins(ValueError):
    """BUILDKITE_PLUGINS does not say what plugins to use. The text says where."""


class PluginLocation(NamedTuple):
    """`path` is host and path; a query is dropped. Empty where the text only looks like `scheme:something`."""

    scheme: str
    authentication: str
    path: str
    version: str


def parse(text: str) -> PluginLocation:
    """Return the parts of an address. Raises BadPlugins."""
    try:
        url = go_url.parse(text)
    except go_url.BadUrl as problem:
        raise BadPlugins(f"parse {go_quote(text)}: {problem}") from None
    return PluginLocation(url.scheme, url.authentication, url.host + url.path, url.fragment)
