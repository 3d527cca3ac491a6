"""The pages of `--help`, made once: packaging/header.sh shows them where they are what the code would print.

That is on no terminal, in the usual width, on Linux with bash in its usual place, and with a home folder.
"""

import contextlib
import io
import os
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = "bkagent/help/"  # in the archive; the name of a file is that of its command, or group, with _ for each blank
OVERVIEW = "help"
# What the code would find out on the machine that it runs on.
_SHELL = "/bin/bash -e -c"
_ENVIRON = {"HOME": "/home/somebody"}


def members() -> "dict[str, bytes]":
    """Return {name in the archive: page}. Raises SystemExit for a page that differs from home to home."""
    sys.path.insert(0, TOP)
    from bkagent.cli import table

    names = sorted({*table.COMMANDS, *table.GROUPS})
    return {FOLDER + name.replace(" ", "_"): _page(name).encode("ascii") for name in names}


def _page(name: str) -> str:
    """Return a page as a process prints it that has loaded nothing else: what is loaded counts for the groups of it."""
    for module in list(sys.modules):
        if module.partition(".")[0] == "bkagent":
            del sys.modules[module]
    from bkagent.cli import table
    from bkagent.cli.pages import help

    if name in table.COMMANDS and name != OVERVIEW:
        for option in table.load(name).options:
            if option.name == "shell" and callable(option.default):
                option.default = _SHELL
            elif help.default_text(option, _ENVIRON) != help.default_text(option, {"HOME": "/root"}):
                raise SystemExit(f"packaging: --{option.name} of {name} has another default for each home folder")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        help.answer([OVERVIEW] if name == OVERVIEW else [OVERVIEW, *name.split(" ")], _ENVIRON)
    return out.getvalue()
