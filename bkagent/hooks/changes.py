"""A hook's changes to the environment: two dumps of its shell's exports, and the difference."""

import os
from typing import Dict, List, Mapping, Tuple

from bkagent.named_tuple import NamedTuple
from bkagent.system import variable_names

WORKING_DIRECTORY = "BUILDKITE_HOOK_WORKING_DIR"
EXIT_STATUS = "BUILDKITE_HOOK_EXIT_STATUS"
# `_` is the last word of the shell's last command; the others are the wrapper's own.
_NEVER_CHANGES = frozenset((WORKING_DIRECTORY, EXIT_STATUS, "_"))


class Changes(NamedTuple):
    """The changes to make to the job after a hook. `directory` is the last folder of the hook's shell, or "".

    `before` has the former values of those variables that the hook already found.
    """

    set: Dict[str, str] = {}
    unset: Tuple[str, ...] = ()
    directory: str = ""
    before: Mapping[str, str] = {}


class BadDump(ValueError):
    """A dump is cut short."""


def parse_dump(dump: bytes) -> Dict[str, str]:
    """Return the variables of a dump: `NAME=value`, each ended by NUL, so that values may hold anything else.

    Entries without a name are dropped. Raises BadDump where the last entry has no end: the disk was full, say.
    """
    if dump and not dump.endswith(b"\0"):
        raise BadDump("the environment was not written whole")
    variables: Dict[str, str] = {}
    for entry in dump.split(b"\0")[:-1]:
        # Windows keeps the folder of each drive in variables such as `=C:`.
        name, equals, value = entry.partition(b"=")
        if name and equals:
            variables[variable_names.kept(os.fsdecode(name))] = os.fsdecode(value)
    return variables


def parse_json_dump(dump: bytes) -> Dict[str, str]:
    """Return the variables of a dump that `env dump` printed, of one that never came none. Raises BadDump."""
    from bkagent.wire import go_decoding  # loaded here: our own dumps are in the other form

    try:
        document = go_decoding.loads(dump) if dump else {}
    except ValueError as error:
        raise BadDump(f"the environment was not written as JSON: {error}") from error
    try:
        return variable_names.kept_names(go_decoding.string_map(document))
    except ValueError:
        raise BadDump("the environment was not written as an object of strings") from None


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """Return what leads from one dump to the other."""
    changed = {name: value for name, value in after.items() if name not in _NEVER_CHANGES and before.get(name) != value}
    removed: List[str] = sorted(name for name in before if name not in after and name not in _NEVER_CHANGES)
    old_values = {name: before[name] for name in changed if name in before}
    return Changes(changed, tuple(removed), after.get(WORKING_DIRECTORY, ""), old_values)
