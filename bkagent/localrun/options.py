"""The options of `local run`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Mapping


@dataclass(frozen=True)
class RunRequest:
    """One call of `local run`.

    folder     where it was called
    file       the pipeline file, "" for the usual places
    data       the folder that keeps everything, "" for .bkagent in the repository
    step       key of the only step to run, "" for all
    env        variables of the build (--env)
    environ    the environment that agents and jobs inherit
    shell      the words that run a command
    sockets_path    folder of the sockets of jobs: not in the data folder, which others may be able to replace
    terminal   whether a person reads what is printed: only then it may hold a link that logs in
    """

    folder: str
    shell: str
    launchers_path: str
    sockets_path: str
    file: str = ""
    data: str = ""
    step: str = ""
    agents_count: int = field(default_factory=lambda: os.cpu_count() or 1)
    committed: bool = False
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    leftovers: str = "end"
    coloured: bool = False
    terminal: bool = False
