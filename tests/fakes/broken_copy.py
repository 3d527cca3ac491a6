"""A copy of this checkout's code with a defect in it, so that every process of a program runs with the defect."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Tuple

from tests.fakes.agent_process import CHECKOUT

_RUN = "import sys; sys.path.insert(0, {top!r}); sys.argv[0] = 'bkagent'; from bkagent.cli.main import run; run()"


class BrokenCopy:
    """`program` starts it as `python -m bkagent` starts the checkout."""

    def __init__(self, folder: Path) -> None:
        self.package = folder / "bkagent"
        # With the compiled files, which stay valid: processes under test write none and would compile all they load.
        shutil.copytree(CHECKOUT / "bkagent", self.package)
        self.top = folder

    def program(self, python: str) -> Tuple[str, ...]:
        """Return the words that start it, before those of its command line."""
        return (python, "-I", "-c", _RUN.format(top=str(self.top)))

    def append(self, module: str, text: str) -> None:
        """Add lines to the end of a module, `job/run.py` say: what they define takes the place of what is there."""
        with (self.package / module).open("a", encoding="utf-8") as file:
            file.write("\n" + text)
