"""The only place that reads the process's environment. Everything else is handed a copy."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def read() -> "dict[str, str]":
    """Return a copy of the environment. Names are upper case on Windows, as the system keeps them there."""
    return dict(os.environ)


def forget(names: "list[str]") -> None:
    """Take `names` out of the process's environment, so that no child inherits them."""
    for name in names:
        os.environ.pop(name, None)


def replace(env: "Mapping[str, str]") -> None:
    """Make `env` the whole environment of this process, also for libraries that look for themselves."""
    os.environ.clear()
    os.environ.update(env)
