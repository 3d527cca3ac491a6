"""The only place that reads the process's environment. Everything else is handed a copy."""

import os
import time

from bkagent.system import locale_coercion, started_with

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional


_READ_BY_NO_LIBRARY = ("BUILDKITE", "BKAGENT_")
_replaced: "Optional[Mapping[str, str]]" = None  # what the environment is, while that is known


def read() -> "dict[str, str]":
    """Return a copy of the environment, without what Python and the shell in front of it have added.

    Names are upper case on Windows, as the system keeps them there.
    """
    _expect_change()
    started_with.restore(os.environ)
    env = dict(os.environ)
    # Jobs would inherit a locale that their containers and tools may not have.
    if "LC_CTYPE" in env and locale_coercion.came_from_python(env["LC_CTYPE"]):
        del env["LC_CTYPE"]
    return env


def forget(names: "list[str]") -> None:
    """Take `names` out of the process's environment, so that no child inherits them."""
    _expect_change()
    for name in names:
        os.environ.pop(name, None)


def replace(env: "Mapping[str, str]", *, for_libraries: bool = False) -> None:
    """Make `env` the whole environment of this process, also for libraries that look for themselves.

    `for_libraries` alone: without the variables of Buildkite, of which a job has many.
    """
    global _replaced
    if for_libraries:
        env = {name: value for name, value in env.items() if not name.startswith(_READ_BY_NO_LIBRARY)}
    before, _replaced = _replaced, dict(env)
    if before is None:
        for name in list(os.environ):  # a third of what `clear` takes
            del os.environ[name]
        before = {}
    for name in before.keys() - env.keys():
        del os.environ[name]
    for name, value in env.items():  # each takes microseconds, and the commands of a job have nearly all in common
        if before.get(name) != value:
            os.environ[name] = value
    if hasattr(time, "tzset"):
        time.tzset()


def _expect_change() -> None:
    global _replaced
    _replaced = None
