"""What tells the kind of a step, and those attributes of steps that have several forms: for agents and control planes.

Each reader says in its own words what it cannot take. Source: buildkite/go-pipeline, steps.go, plugins.go, secrets.go,
step_command_cache.go.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

# The keys that tell each kind. Order matters: the first of all these keys that a step has decides.
KINDS = (
    ("command", ("command", "commands", "plugins")),
    ("wait", ("wait", "waiter")),
    ("block", ("block",)),
    ("input", ("input", "manual")),
    ("trigger", ("trigger",)),
    ("group", ("group",)),
)
TELLING_KEYS = tuple(key for _, keys in KINDS for key in keys)
# What `type` may say, and the kind that it means.
TYPES = {
    "wait": "wait", "waiter": "wait", "block": "block", "input": "input", "manual": "input",
    "command": "command", "script": "command", "trigger": "trigger", "group": "group",
}  # fmt: skip
# The steps that may be written as a word instead of a mapping.
WORDS = ("wait", "waiter", "block", "input", "manual")

KEY_NAMES = ("key", "id", "identifier")
LABEL_NAMES = ("label", "name")


class WrongForm(ValueError):
    """An element of a list that has none of the forms it may have."""

    def __init__(self, element: Any) -> None:
        super().__init__("wrong form")
        self.element = element


def kind_by_key(document: Mapping[str, Any]) -> str:
    """Return the kind that the keys of a step tell, "" where none does."""
    for kind, keys in KINDS:
        if any(key in document for key in keys):
            return kind
    return ""


def plugins(value: Any) -> Iterator[Tuple[str, Any]]:
    """Yield source and configuration of each plugin of a list, or of one text or mapping. Raises WrongForm."""
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, str):
            yield element, None
        elif isinstance(element, Mapping):
            yield from element.items()
        else:
            raise WrongForm(element)


def secrets(value: Any) -> Iterator[Tuple[Any, Any]]:
    """Yield key and variable of each secret of a list, or of a mapping from variable to key. Raises WrongForm.

    Both as they stand, None where one is missing; a text in a list is both.
    """
    if isinstance(value, Mapping):
        yield from ((key, variable) for variable, key in value.items())
        return
    for element in value:
        if isinstance(element, str):
            yield element, element
        elif isinstance(element, Mapping):
            yield element.get("key") or None, element.get("environment_variable")
        else:
            raise WrongForm(element)


def cache_paths(cache: Any) -> List[str]:
    """Return the paths that a step's `cache` names: a path, a list of them, or a mapping with `paths`."""
    paths = cache.get("paths") if isinstance(cache, Mapping) else cache
    if isinstance(paths, str):
        return [paths]
    return [path for path in paths if isinstance(path, str)] if isinstance(paths, list) else []
