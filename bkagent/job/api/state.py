"""The job as its local socket shows it to processes of the job."""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from bkagent.job.job import RunningJob
from bkagent.system import variable_names


class LiveState:
    """The live job behind `localapi.job_routes.JobState`. Variables change at once, settings at the next hook."""

    def __init__(self, job: RunningJob) -> None:
        self._job = job

    def env(self) -> Mapping[str, str]:
        """Return the job's variables."""
        with self._job.session.lock:
            return dict(self._job.session.env)

    def set_env(self, changes: Mapping[str, str]) -> Tuple[Sequence[str], Sequence[str]]:
        """Set variables; return the names that are new and those that existed."""
        session, changes = self._job.session, variable_names.kept_names(changes)
        with session.lock:
            updated = [name for name in changes if name in session.env]
            session.env.update(changes)
        return [name for name in changes if name not in updated], updated

    def unset_env(self, names: Sequence[str]) -> Sequence[str]:
        """Remove variables; return the names that existed."""
        session = self._job.session
        with session.lock:
            existed: List[str] = [
                name for name in dict.fromkeys(map(variable_names.kept, names)) if name in session.env
            ]
            for name in existed:
                del session.env[name]
        return existed

    def set_workdir(self, path: str) -> None:
        """Remember where the job goes on after the hook that is running now."""
        self._job.ask_for_workdir(path)

    def redact(self, secret: str) -> None:
        """Keep a text out of everything the job prints from now on."""
        self._job.redactions.add(secret)

    def redacted(self, text: str) -> str:
        """Return a text without what the job must not show."""
        return self._job.redactions.scrubbed(text)

    def protected(self, name: str, value: Optional[str]) -> bool:
        """Return whether the job may not set this variable to `value`; None stands for unsetting it."""
        return self._job.protection.closes(name, value, "job API")
