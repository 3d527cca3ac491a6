"""Read BUILDKITE_PLUGINS: a JSON list of addresses, alone or with a configuration."""

from __future__ import annotations

import json
from typing import Dict, List

from bkagent.plugins import location
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.plugin import Plugin
from bkagent.wire.go_quoted import go_quote


class Number(str):
    """A number of a JSON text, spelt as it was there: `1.50` stays that."""


def parse(text: str) -> List[Plugin]:
    """Return the plugins of a list, in order. What follows the JSON value is not read. Raises BadPlugins."""
    decoder = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=_refuse)
    try:
        value, _ = decoder.raw_decode(text.lstrip(" \t\r\n"))
    except (ValueError, RecursionError) as error:
        raise BadPlugins(f"it is not JSON: {error}") from None
    if not isinstance(value, list):
        raise BadPlugins("JSON structure was not an array")
    plugins: List[Plugin] = []
    for element in value:
        if isinstance(element, str) and not isinstance(element, Number):
            plugins.append(plugin_of(element, {}))
        elif isinstance(element, dict):
            plugins.extend(
                plugin_of(source, _configuration(source, configuration)) for source, configuration in element.items()
            )
        else:
            raise BadPlugins("an element of the list is neither a string nor an object")
    return plugins


def plugin_of(source: str, configuration: Dict[str, object]) -> Plugin:
    """Return the plugin that a source such as `acme/x#v1` names. Raises BadPlugins."""
    parsed = location.parse(source)
    if "#" in parsed.version:
        raise BadPlugins(f"too many '#'s in {go_quote(source)}")
    return Plugin(parsed.path, parsed.version, parsed.scheme, parsed.authentication, configuration)


def _configuration(source: str, value: object) -> Dict[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadPlugins(f"configuration for {go_quote(source)} is not a hash")
    return value


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")
