"""The paths of local copies of a job's log, and their removal by age."""

from __future__ import annotations

import os
import re
import time
from typing import Dict, Mapping

from bkagent.agent.settings import JobSettings
from bkagent.config import paths
from bkagent.config.options import bootstrap, job_logs
from bkagent.config.options.job import BUILD_ID
from bkagent.config.variables import build_variables
from bkagent.system import unguessable
from bkagent.wire.accepted_job import AcceptedJob

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._-]+")
_OURS = re.compile(r".*-\d*-[0-9A-Za-z_-]{8,}\.log")
_FIELDS = (
    ("org", bootstrap.ORGANIZATION.env[0]), ("pipeline", bootstrap.PIPELINE.env[0]),
    ("branch", bootstrap.BRANCH.env[0]), ("queue", bootstrap.QUEUE.env[0]), ("build_id", BUILD_ID),
    ("build_number", build_variables.NUMBER),
)  # fmt: skip


def tmpfile_path(settings: JobSettings) -> str:
    """Return a new name in the temporary folder or where the settings say; "" where no such file is wanted."""
    if not settings[job_logs.ENABLE_TMPFILE]:
        return ""
    folder = settings[job_logs.TMPFILE_FOLDER] or paths.temporary(settings.environ)
    return os.path.abspath(os.path.join(folder, f"buildkite_job_log{unguessable.below(10**18)}"))


def copy_path(settings: JobSettings, job: AcceptedJob) -> str:
    """Return the file that the log of `job` is kept in; "" where the settings ask for no copy."""
    if not settings[job_logs.FOLDER]:
        return ""
    parts = (job.env.get(bootstrap.PIPELINE.env[0], ""), job.env.get(build_variables.NUMBER, ""), job.id)
    name = "-".join(_NOT_IN_NAMES.sub("_", part) for part in parts) + ".log"
    return os.path.join(os.path.abspath(settings[job_logs.FOLDER]), name.lstrip("."))


def remove_old(settings: JobSettings) -> None:
    """Remove the copies that are past their time, and nothing else that lies in their folder."""
    if not settings[job_logs.RETENTION]:
        return
    oldest = time.time() - settings[job_logs.RETENTION]
    try:
        copies_on_disk = [entry for entry in os.scandir(settings[job_logs.FOLDER]) if _OURS.fullmatch(entry.name)]
    except OSError:
        return  # not there yet
    for entry in copies_on_disk:
        try:
            if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < oldest:
                os.unlink(entry.path)
        except OSError:
            pass  # gone, or another user's


def fields(job: AcceptedJob) -> Mapping[str, str]:
    """Return what a JSON line about a job's output says about the job; names are the reference's."""
    env = job.env
    log_fields: Dict[str, str] = {"source": "job"}
    log_fields.update((name, env.get(variable, "")) for name, variable in _FIELDS)
    build_url = env.get(build_variables.URL, "")
    log_fields.update(job_url=f"{build_url}#{job.id}", build_url=build_url, job_id=job.id)
    log_fields["step_key"] = env.get(build_variables.STEP_KEY, "")
    parts = job.traceparent.split("-")  # W3C: version, trace, span, flags
    if len(parts) >= 4:
        log_fields.update(trace_id=parts[1], span_id=parts[2])
    return log_fields
