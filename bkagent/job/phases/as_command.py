"""Do the work of an in-job command inside the job process, and log it as if the command had run."""

from __future__ import annotations

import os
import time
from typing import Callable, Optional, Sequence

from bkagent.config.launching import self_command
from bkagent.job.job import RunningJob
from bkagent.shell import prompt
from bkagent.wire.go_duration import format_precise


def run_as_command(
    job: RunningJob, words: Sequence[str], work: Callable[[], Optional[bool]], stdin: str = ""
) -> Optional[bool]:
    """Write the prompt of the command `words` into the log and do its `work`, or call the program put in our place.

    Return what `work` does; that program says True by its exit status 0. Raises what `work` raises, or JobFailed.
    """
    program = job.settings.override_self or self_command.launcher_path(job.launchers)
    job.log.prompt(prompt.command_line([program, *words]) + (" < /dev/stdin" if stdin else ""))
    if not job.settings.override_self:
        started_at = time.monotonic()
        try:
            return work()
        finally:
            job.log.debug(f"↳ Command completed in {format_precise(time.monotonic() - started_at)}")
    if stdin:
        job.log.child(os.fsencode(job.session.capture([program, *words], stdin=os.fsencode(stdin))))
    else:
        job.session.run([program, *words], shown="")
    return True
