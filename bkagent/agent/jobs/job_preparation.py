"""Prepare the process of a job: its files, what speaks against it, and the process, which waits to be let begin.

That takes as long as asking the control plane whether the job may start, so both are done at the same time.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence, Tuple

from bkagent.agent.jobs import job_environment, job_verification, outcome
from bkagent.agent.jobs.admission import (
    REJECTED_BY_HOOK,
    Refusal,
    notices_for,
    permitted_mirror,
    refusal_for,
    refusal_for_names,
)
from bkagent.agent.jobs.job_delivery import settle_unrunnable
from bkagent.agent.jobs.job_start import JobStart
from bkagent.agent.settings import JobSettings
from bkagent.config.launching import in_use_locks, self_command
from bkagent.config.options import agent, logging
from bkagent.config.options.job import REDACTED_VARS
from bkagent.errors import AgentError
from bkagent.job import launch
from bkagent.logs import local_copies
from bkagent.logs.stampers import AnsiStamper
from bkagent.redaction.variables import SecretValues
from bkagent.wire import shown_text
from bkagent.wire.finish import RUN_ERROR
from bkagent.wire.timestamps import rfc3339

if TYPE_CHECKING:
    from bkagent.agent.jobs.agent_context import AgentContext
    from bkagent.agent.jobs.job_files import JobFiles
    from bkagent.agent.jobs.job_verification import JobVerification
    from bkagent.remote.client import Client
    from bkagent.spool.agent_entry import AgentEntry
    from bkagent.wire.accepted_job import AcceptedJob


class JobPreparation:
    """One job that has an entry: `prepare`, then `finish` or `abandon`; or `refusal_to_resume`.

    clashing_names  of its variables, which differ by case alone where that makes no difference
    session_token   of the agent, which no log of the job shows
    """

    def __init__(
        self, job: AcceptedJob, clashing_names: Sequence[str], client: Client, session_token: str,
        context: AgentContext, entry: AgentEntry, files: JobFiles,
    ) -> None:  # fmt: skip
        self._job, self._clashing_names = job, clashing_names
        self._client, self._session_token, self._context = client, session_token, context
        self._entry, self._files = entry, files
        self._has_begun = False
        self._notices: List[str] = []
        self._start: Optional[JobStart] = None
        self._process: Optional[launch.WaitingChild] = None
        self._refusal: Optional[Refusal] = None

    def prepare(self) -> None:
        """Prepare the job. Nothing is run, logged or told to anybody."""
        self._has_begun = True
        self._do(self._check_and_launch)

    def finish(self) -> Optional[launch.Child]:
        """Let the job begin, once the control plane has taken its start; return its process.

        None where it must not run, which is written down in its entry. Raises AgentError and OSError.
        """
        self._do(self._go_on)
        process, refusal = self._process, self._refusal
        if process is not None and refusal is None:
            child = process.begin()
            text = f"Process of job {self._job.id} is running with PID: {child.pid}"
            self._context.report("debug", text, "job.process_started")
            return child
        if process is not None:
            process.abandon()
        refusal = refusal or Refusal((), RUN_ERROR)
        self._append_lines(refusal.lines)
        settle_unrunnable(self._entry, outcome.refused(refusal.reason, rfc3339(time.time_ns())))
        return None

    def abandon(self) -> None:
        """Undo what has begun: the job does not start."""
        if self._process is not None:
            self._process.abandon()
        if self._has_begun:
            self._files.remove()

    def refusal_to_resume(self) -> Optional[Refusal]:
        """Return why a job of an earlier agent may not go on here, None where it may: it is checked as at a start."""
        try:
            start, _ = self._describe_job()
            verification = self._verify(start.settings)
            return self._admission_refusal(start.settings, verification) or self._ask_pre_bootstrap(start)
        except ValueError as problem:
            return Refusal((f"Error running job: {problem}",), RUN_ERROR)

    def append_refusal(self, refusal: Refusal) -> None:
        """Add what is said of a refusal to the log."""
        self._append_lines(refusal.lines)

    def _do(self, work: Callable[[], Optional[Refusal]]) -> None:
        """Do a part of the work; what prevents it becomes a refusal."""
        try:
            self._refusal = work()
        except (OSError, ValueError, AgentError) as problem:
            self._context.report("error", f"job {self._job.id} cannot be run: {problem}", "job.run_failed")
            self._refusal = Refusal((f"Error running job: {problem}",), RUN_ERROR)

    def _check_and_launch(self) -> Optional[Refusal]:
        """Check the job; start its process, unless a hook must be asked, which waits for the start call."""
        start, about_mirror = self._describe_job()
        self._start = start
        verification = self._verify(start.settings)
        self._notices += notices_for(self._job, verification)
        refusal = self._admission_refusal(start.settings, verification)
        if refusal is None:
            self._notices += about_mirror
            if not _has_pre_bootstrap_hook(start.settings):
                return self._ask_and_launch()
        return refusal

    def _go_on(self) -> Optional[Refusal]:
        """Write down what there is to say, and do what had to wait for the start call."""
        self._append_lines(self._notices)
        if self._refusal is None and self._process is None:
            return self._ask_and_launch()
        return self._refusal

    def _ask_and_launch(self) -> Optional[Refusal]:
        assert self._start is not None
        refusal = self._ask_pre_bootstrap(self._start)
        if refusal is None:
            self._process = self._launch(self._start)
        return refusal

    def _describe_job(self) -> Tuple[JobStart, Tuple[str, ...]]:
        """Write the files that describe the job; return what is known of it, and lines about its mirror."""
        settings = self._context.settings.job
        self._job, about_mirror = permitted_mirror(self._job, settings)
        names_agents = "propagate-agent-config-vars" in settings[logging.EXPERIMENT] or settings[agent.COMPAT] == "4"
        own, left_out = job_environment.received(self._job.env, settings.protection())
        agent_names = job_environment.names_in_env_file(settings) if names_agents else ()
        files = self._files
        files.write(own, agent_names)
        for form, path in (("shell", files.env_path), ("JSON", files.env_json_path)):
            self._context.report("debug", f"Created env file ({form} format): {path}", "job.env_files_created")
        start = JobStart(
            job=self._job, settings=settings, endpoint=self._client.endpoint, token=self._client.token,
            request_headers=self._client.request_headers, files=files, log_tmpfile=self._entry.job.log_tmpfile,
            agent_pid=os.getpid(), own_env=own, left_out=tuple(left_out),
        )  # fmt: skip
        return start, about_mirror

    def _verify(self, settings: JobSettings) -> JobVerification:
        verification = job_verification.verify(self._job, settings, self._context.report)
        if verification.problem:
            does = "is refused" if verification.is_refused else "runs unverified"
            text = f"job {self._job.id} {does}: {verification.problem}"
            self._context.report("warn", text, "job.unverified")
        return verification

    def _admission_refusal(self, settings: JobSettings, verification: JobVerification) -> Optional[Refusal]:
        names = refusal_for_names(self._clashing_names)
        return names or refusal_for(self._job, settings, verification)

    def _ask_pre_bootstrap(self, start: JobStart) -> Optional[Refusal]:
        """Return the refusal of the pre-bootstrap hook, None when it allows the job."""
        if not start.settings[agent.HOOKS_PATH]:
            return None
        from bkagent.agent import agent_hooks

        return None if agent_hooks.pre_bootstrap_allows(start, self._context.report) else REJECTED_BY_HOOK

    def _launch(self, start: JobStart) -> launch.WaitingChild:
        build_path = start.settings[agent.BUILD_PATH]
        os.makedirs(build_path, exist_ok=True)
        in_use_locks.touch(own_folders(start.settings))
        env = job_environment.process_environment(start)
        # The agent knows them and no variable of the job has them, but a job may still manage to print them.
        secrets = (self._context.settings.token, self._session_token, start.token)
        return launch.prepare(self._entry.folder, env, build_path, self._context.warm, secrets)

    def _append_lines(self, lines: Sequence[str]) -> None:
        """Add lines of the agent's own to the log. They come from no terminal, so they end in LF."""
        if not lines:
            return
        secrets = SecretValues(self._job.env, tuple(self._context.settings.job[REDACTED_VARS]))
        clean = [secrets.scrub(self._context.known.scrub(line)) for line in lines]
        text = "".join(shown_text.message(line) + "\n" for line in clean)
        log_bytes = text.encode("utf-8", "surrogateescape")
        entry = self._entry
        if entry.job.ansi_timestamps:
            log_bytes = AnsiStamper(lambda: time.time_ns() // 1_000_000).feed(log_bytes)
        entry.append(log_bytes)
        if entry.job.log_copy:
            self._append_to_copy(entry.job.log_copy, log_bytes)

    def _append_to_copy(self, path: str, data: bytes) -> None:
        try:
            local_copies.append(path, data, local_copies.COPY_MODE)
        except OSError as problem:
            text = f"the copy of a log in {path} cannot be written: {problem.strerror}"
            self._context.report("warn", text, "job.log_copy_failed")


def own_folders(settings: JobSettings) -> Tuple[str, ...]:
    """Return the folders of this program that jobs use: the code, and the launchers."""
    return (self_command.code_root(), settings.launchers_path)


def _has_pre_bootstrap_hook(settings: JobSettings) -> bool:
    folder = settings[agent.HOOKS_PATH]
    if not folder:
        return False
    from bkagent.agent import agent_hooks

    return agent_hooks.has_pre_bootstrap(folder)
