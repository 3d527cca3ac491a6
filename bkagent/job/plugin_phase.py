"""The plugins of a step."""

from __future__ import annotations

from bkagent.errors import JobFailed
from bkagent.job.job import Job
from bkagent.wire import json_text


def run(job: Job) -> None:
    """Fail a job that has plugins: without them it would do something else than it says. Raises JobFailed."""
    text = job.settings.plugins.strip()
    if not text:
        return
    try:
        listed = json_text.loads(text)
    except ValueError as error:
        raise JobFailed(f"BUILDKITE_PLUGINS is not JSON: {error}", 1) from None
    if listed:
        raise JobFailed("this step has plugins, which this release of bkagent cannot run yet", 1)
