"""Show what the job's own process does as the command by which a person would do the same."""

from __future__ import annotations

import os
from typing import Sequence

from bkagent.config import self_command
from bkagent.job.job import Job
from bkagent.shell import prompt


def show(job: Job, words: Sequence[str], reads_input: bool = False) -> None:
    """Write its prompt into the log; no process is started. `reads_input` is for a command that reads stdin."""
    program = os.path.join(job.launchers, self_command.NAMES[0])
    job.log.prompt(prompt.command_line([program, *words]) + (" < /dev/stdin" if reads_input else ""))
