"""Divide the options of a command into groups, for pages: a group is a file of `config/options/`."""

import sys

from bkagent.config.option import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence, Tuple

_PACKAGE = "bkagent.config.options."

# What groups are called; one that is not here is called after its file.
_TITLES = {
    "accepted": "Accepted for compatibility", "agent": "Running jobs", "api": "Connection to the control plane",
    "bootstrap": "Job", "checkout": "Checkout", "job": "Job", "logging": "Logging",
    "session": "Agent", "local_run": "Run", "server": "Server", "config_show": "Output",
}  # fmt: skip
# Every command has these; what is its own goes before them.
_LAST = ("api", "logging", "accepted")


def group_options(options: "Sequence[Option]") -> "List[Tuple[str, List[Option]]]":
    """Return (title, options) of each group, in the order in which a command names them."""
    same, alike = _homes()
    files: "Dict[str, List[Option]]" = {}
    for option in options:
        # Two files may have options of one name, and which files are loaded says nothing.
        home = same.get(id(option), alike.get(_key(option), ""))
        files.setdefault(home, []).append(option)
    names = [name for name in files if name not in _LAST] + [name for name in _LAST if name in files]
    groups: "Dict[str, List[Option]]" = {}
    for name in names:
        groups.setdefault(_title(name), []).extend(files[name])
    return list(groups.items())


def _title(name: str) -> str:
    return _TITLES.get(name, name.replace("_", " ").capitalize() or "Options")


def _key(option: "Option") -> "Tuple[str, Tuple[str, ...]]":
    return option.name, option.env


def _homes() -> "Tuple[Dict[int, str], Dict[Tuple[str, Tuple[str, ...]], str]]":
    """Return the file of each option that is loaded: by its id, and by its name and variables for copies.

    Options in nothing but a tuple are found there.
    """
    same: "Dict[int, str]" = {}
    single: "Dict[Tuple[str, Tuple[str, ...]], str]" = {}
    listed: "Dict[Tuple[str, Tuple[str, ...]], str]" = {}
    for module in sorted(name for name in sys.modules if name.startswith(_PACKAGE)):
        home = module[len(_PACKAGE) :]
        for value in vars(sys.modules[module]).values():
            if isinstance(value, Option):
                single.setdefault(_key(value), home)
                same.setdefault(id(value), home)
                if value.job is not None and value.job.reader is not None:
                    listed.setdefault(_key(value.job.reader), home)
            elif isinstance(value, tuple):
                for each in value:
                    if isinstance(each, Option):
                        listed.setdefault(_key(each), home)
    return same, {**listed, **single}
