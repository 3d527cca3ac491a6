"""How code that does not print tells a person something: `report(level, text)`, with the levels of `--log-level`."""

from typing import Callable

Report = Callable[[str, str], None]
