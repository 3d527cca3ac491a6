"""Removing a pipeline with all that belongs to it."""

from __future__ import annotations

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.artifacts import Artifacts
from bkagent.controlplane.plane.ledger import Ledger
from bkagent.controlplane.plane.logs import Logs
from bkagent.controlplane.plane.pipelines import Pipelines
from bkagent.controlplane.store import artifacts, jobs

_BUSY = ("scheduled", "assigned", "accepted", "running", "canceling", "timing_out")
_OF_PIPELINE = "build_id IN (SELECT id FROM builds WHERE pipeline_slug = ?)"


class Removal:
    """Removes pipelines."""

    def __init__(self, ledger: Ledger, pipelines: Pipelines, logs: Logs, artifacts: Artifacts) -> None:
        self._ledger, self._pipelines, self._logs, self._artifacts = ledger, pipelines, logs, artifacts
        self._db = ledger.db

    def remove_pipeline(self, slug: str) -> None:
        """Remove a pipeline, its builds, and their logs and artifacts.

        Raises NotFound, Rejected while it has jobs to run, and PlaneError where a file cannot be removed.
        """
        entry = self._pipelines.get(slug)
        self._check_idle(slug)
        # The files first: what fails in between leaves records that say what else there is to remove. Outside a change,
        # since whoever writes to a log holds the log before the ledger.
        for job in jobs.TABLE.all(self._db, _OF_PIPELINE, (slug,)):
            self._logs.erase(job.id)
        for artifact in artifacts.TABLE.all(self._db, _OF_PIPELINE, (slug,)):
            self._artifacts.erase(artifact.id)
        with self._ledger.change():
            self._check_idle(slug)
            self._db.rows("DELETE FROM builds WHERE pipeline_slug = ?", (slug,))
            self._ledger.forget_jobs()
            self._db.rows("DELETE FROM pipelines WHERE id = ?", (entry.id,))

    def _check_idle(self, slug: str) -> None:
        busy = f"{_OF_PIPELINE} AND state IN ({', '.join(repr(state) for state in _BUSY)})"
        if jobs.TABLE.count(self._db, busy, (slug,)):
            raise Rejected("a pipeline cannot be deleted while it has jobs to run; cancel its builds first")
