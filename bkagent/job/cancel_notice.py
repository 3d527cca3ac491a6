"""Tell a job of its cancellation, in the log and by variables, besides stopping its commands."""

from __future__ import annotations

import os
import threading

from bkagent.config.variables.job_variables import TIMEOUT_FILE
from bkagent.job.job import RunningJob

CANCELLED = "BUILDKITE_JOB_CANCELLED"
TIMED_OUT = "BUILDKITE_JOB_TIMED_OUT"
_RECEIVED = "Received cancellation signal, interrupting"
_WRITING_S = 1.0


def watch(job: RunningJob) -> None:
    """Tell the job when it is cancelled; its commands are stopped after that, since they come to be waiting later."""
    job.session.cancellation.on_request(lambda: _tell(job))


def _tell(job: RunningJob) -> None:
    job.set_env(CANCELLED, "true")
    # The agent makes this file when the control plane says that the job's time is over.
    marker = job.environ.get(TIMEOUT_FILE.name, "")
    if marker and os.path.exists(marker):
        job.set_env(TIMED_OUT, "true")
    # Comes before what the command says to it, but no log that cannot be written just now may keep the command running.
    writing = threading.Thread(target=job.log.comment, args=(_RECEIVED,), name="cancelled", daemon=True)
    writing.start()
    writing.join(_WRITING_S)
