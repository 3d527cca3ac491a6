"""The names of variables, as the system keeps them: on Windows those that differ only by case are one variable.

kept(name) -> str              `name` in the form in which it is kept: upper case on Windows, as the reference has it
kept_names(env) -> Dict        `env` by such names; of names that are one variable the last counts
clashing(names) -> List[str]   the names that differ from an earlier one only by case, where both are one variable
"""

from bkagent.system.system_kind import ON_WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Set


def kept(name: str, ignores_case: bool = ON_WINDOWS) -> str:
    """See above."""
    return name.upper() if ignores_case else name


def kept_names(env: "Mapping[str, str]", ignores_case: bool = ON_WINDOWS) -> "Dict[str, str]":
    """See above."""
    return {kept(name, ignores_case): text for name, text in env.items()}


def clashing(names: "Iterable[str]", ignores_case: bool = ON_WINDOWS) -> "List[str]":
    """See above."""
    earlier: "Set[str]" = set()
    later: "List[str]" = []
    for name in names if ignores_case else ():
        if kept(name, ignores_case) in earlier:
            later.append(name)
        earlier.add(kept(name, ignores_case))
    return later
