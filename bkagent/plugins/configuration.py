"""A plugin's configuration as the variables that its hooks read."""

from __future__ import annotations

import re
from typing import Dict, Iterator, List, NamedTuple, Tuple

from bkagent.plugins.parse import Number
from bkagent.plugins.plugin import Plugin
from bkagent.wire import go_text

_PREFIX = "BUILDKITE_PLUGIN_"
_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
    "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029",
}  # fmt: skip


class BadConfiguration(ValueError):
    """A configuration holds what no variable can: a null, mostly. Its hooks then get no variables at all."""


class Variables(NamedTuple):
    """`env` for the plugin's hooks; `deprecated` are pairs of a former name that is still set and the present one."""

    env: Dict[str, str]
    deprecated: List[Tuple[str, str]]


def variables(plugin: Plugin, with_aliases: bool = True) -> Variables:
    """Return the variables of a plugin. Raises BadConfiguration.

    Names with several underscores in a row had one in old agents: `with_aliases` sets those names too.
    """
    name = _name(plugin.name)
    env = dict(_walk(_PREFIX + name, plugin.configuration))
    deprecated = []
    if with_aliases:
        for new_name in sorted(env):
            old_name = re.sub(r"_{2,}", "_", new_name)
            if old_name != new_name:
                deprecated.append((old_name, new_name))
        env.update((old_name, env[new_name]) for old_name, new_name in deprecated)
    env[_PREFIX + "NAME"] = name
    env[_PREFIX + "CONFIGURATION"] = compact_json(plugin.configuration)
    return Variables(env, deprecated)


def compact_json(value: object) -> str:
    """Return JSON as Go writes it: keys sorted by bytes, HTML's characters escaped, numbers as they were."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        pairs = sorted(value.items(), key=lambda pair: pair[0].encode("utf-8", "surrogatepass"))
        return "{" + ",".join(f"{_text(key)}:{compact_json(member)}" for key, member in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact_json, value)) + "]"
    return {True: "true", False: "false", None: "null"}[value]  # type: ignore[index]


def _walk(name: str, value: object) -> Iterator[Tuple[str, str]]:
    if isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, str):
        yield name, str(value)
    elif isinstance(value, dict):
        for key in sorted(value):
            yield from _walk(f"{name}_{_name(key)}", value[key])
    elif isinstance(value, list):
        for at, element in enumerate(value):
            yield from _walk(f"{name}_{at}", element)
    else:
        raise BadConfiguration("unknown type <nil> <nil>")


def _name(text: str) -> str:
    return re.sub(r"[-\t\n\f\r ]", "_", go_text.upper(text))


def _text(text: str) -> str:
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    escaped = _ESCAPES.get(letter)
    if escaped is None and ord(letter) < 32:
        return f"\\u{ord(letter):04x}"
    return escaped or letter
