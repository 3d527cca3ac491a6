"""One build of a local run, from its creation until its agents have left and its logs are kept."""

from __future__ import annotations

import os
import threading
from typing import Callable, Dict, List, Optional

from bkagent.agent.shutdown import GRACEFUL, KILL
from bkagent.controlplane.events import Subscription
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.records import Build, Job, NewBuild
from bkagent.controlplane.web.server import Server
from bkagent.errors import AgentError
from bkagent.localrun import agents, changed, display_names, export, leftover_jobs, plan, snapshot, summary
from bkagent.localrun.live import Live
from bkagent.localrun.options import RunRequest
from bkagent.localrun.repository import DETACHED
from bkagent.spool.layout import SPOOL
from bkagent.wire.log_events import EventReport

Out = Callable[[str], None]

INTERRUPTED = 130
_LEAVE_S = 15.0
_LOOK_S = 0.5


class BuildRun:
    """Creates the build on a plane that serves, and runs agents for it. The rest is as for `LocalRun`."""

    def __init__(self, plane: Plane, server: Server, request: RunRequest, out: Out, report: EventReport) -> None:
        self._plane, self._server = plane, server
        self._request, self._out, self._report = request, out, report
        self._interrupts_count = 0
        self._lock = threading.Lock()
        self._agents: Optional[agents.Agents] = None
        self._build_id = ""

    def interrupt(self) -> None:
        """Cancel the jobs; called again, kill them at once. May be called from any thread, and before `run`."""
        with self._lock:
            self._interrupts_count += 1
            count = self._interrupts_count
        if count == 1:
            if self._build_id:
                self._plane.builds.cancel(self._build_id, reason="interrupted")
        elif self._agents is not None:
            self._agents.stop.request(KILL)
            self._answer_pings()

    def run(self, source: plan.PipelineSource, data: str, work_snapshot: snapshot.Snapshot) -> int:
        """Return the exit status. Raises AgentError where the agents leave before the build has ended."""
        plane, server = self._plane, self._server
        number = plane.pipelines.next_build_number(source.slug)
        document, warnings = plan.read(
            source, self._request, plan.variables(source, work_snapshot.commit, number),
            lambda: changed.paths(source.repository, work_snapshot, self._request.environ),
        )  # fmt: skip
        for line in _first_lines(source, self._request, work_snapshot, warnings):
            self._out(line)
        settings = agents.settings(
            self._request, data, server.endpoint, plane.tokens.agent, has_submodules=bool(work_snapshot.submodules)
        )
        leftover_jobs.hand_over(os.path.join(settings.state_path, SPOOL), server.endpoint, self._report)
        agents_of_run = self._agents = agents.Agents(settings, self._report)
        events = plane.feed.subscribe()
        build = plane.builds.create(
            NewBuild(
                source.slug, document, branch=source.repository.branch, commit=work_snapshot.commit,
                repository=work_snapshot.repository, message=source.repository.message or "Local run",
                env=dict(self._request.env), source="local",
                author={"name": source.repository.author, "email": source.repository.author_email},
            )
        )  # fmt: skip
        with self._lock:
            self._build_id = build.id
            interrupted_before = self._interrupts_count > 0
        if interrupted_before:
            plane.builds.cancel(build.id, reason="interrupted")
        path = f"/{plan.ORGANIZATION}/{source.slug}/builds/{build.number}"
        page = server.lasting_login_url(path) if self._request.terminal else server.url + path
        self._out(f"Build {build.number}: {page}")
        agents_of_run.start()
        try:
            self._follow(events, agents_of_run)
        finally:
            events.close()
            self._answer_pings()
            level = KILL if self._interrupts_count > 1 else GRACEFUL
            if not agents_of_run.leave(level, _LEAVE_S):
                agents_of_run.leave(KILL, _LEAVE_S)
        return self._finish(plane.builds.get(build.id), data)

    def _answer_pings(self) -> None:
        """Let agents without work leave now: each waits in a ping that is held until there is some."""
        for agent in self._plane.sessions.find():
            self._plane.sessions.stop(agent.id)

    def _follow(self, events: Subscription, agents_of_run: agents.Agents) -> None:
        """Show what happens until the build has ended and its logs are shown."""
        plane = self._plane
        live = Live(self._out, plane.jobs.get, coloured=self._request.coloured)
        while True:
            event = events.get(_LOOK_S)
            if event is not None:
                live.show(event)
            elif plane.builds.get(self._build_id).finished and not self._unfinished():
                return
            elif not agents_of_run.working:
                if agents_of_run.stop.level >= KILL:  # they were told to kill the jobs and go
                    return
                raise agents_of_run.error or AgentError("the agents have left before the build ended")

    def _unfinished(self) -> "List[Job]":
        return [job for job in self._plane.jobs.of_build(self._build_id) if not job.final]

    def _finish(self, build: Build, data: str) -> int:
        """Keep logs and artifacts below `data`, print the summary; return the exit status of the run."""
        plane = self._plane
        jobs = plane.jobs.of_build(build.id)
        logs_folder = os.path.join(data, "logs", str(build.number))
        logs: Dict[str, str] = {}
        for count, job in enumerate((job for job in jobs if job.type == "script" and job.started_at is not None), 1):
            path = export.keep_log(logs_folder, display_names.file_name(count, job), plane.logs.read(job.id))
            logs[job.id] = os.path.relpath(path, self._request.folder)
        artifacts_folder = os.path.join(data, "artifacts", str(build.number))
        kept_count = self._keep_artifacts(build, artifacts_folder)
        self._out("")
        for line in summary.table(jobs, logs):
            self._out(line)
        unsent = summary.not_notified(plane.steps.unsent_notifications(build.id))
        for line in unsent + summary.notes(plane.annotations.find(build.id)):
            self._out(line)
        if kept_count:
            folder = os.path.relpath(artifacts_folder, self._request.folder)
            self._out(f"{kept_count} artifact{'s' if kept_count > 1 else ''} in {folder}")
        return INTERRUPTED if self._interrupts_count else summary.exit_status(jobs, build.state)

    def _keep_artifacts(self, build: Build, folder: str) -> int:
        """Copy into the folder what the jobs have uploaded here; return how many files it has got."""
        plane = self._plane
        count = 0
        for artifact in plane.artifacts.find(build.id):
            if artifact.state != "finished" or artifact.url:
                continue
            if export.keep_artifact(folder, artifact.path, plane.artifacts.path(artifact.id)) is None:
                self._out(f"warning: the artifact {artifact.path!r} cannot be kept there; it is only on the web page")
            else:
                count += 1
        return count


def _first_lines(
    source: plan.PipelineSource, request: RunRequest, work_snapshot: snapshot.Snapshot, warnings: "List[str]"
) -> "List[str]":
    repository = source.repository
    head = repository.head[:9]
    branch = f"branch {repository.branch}"
    if repository.branch == DETACHED:
        branch = f"on no branch (HEAD is detached at {head}; BUILDKITE_BRANCH is {DETACHED})"
    lines = [f"Running {source.name} of {repository.top}, {branch}"]
    if request.committed:
        lines.append(f"Running the commit {head} (--committed: changes that are only on disk excluded)")
    elif not repository.head:
        lines.append("Running the working tree (nothing is committed yet; ignored files excluded)")
    elif work_snapshot.changed_count:
        count = work_snapshot.changed_count
        files = "1 file differs" if count == 1 else f"{count} files differ"
        lines.append(f"Running the working tree at {head} ({files}; untracked files included, ignored files excluded)")
    else:
        lines.append(f"Running the working tree at {head} (no local changes; ignored files excluded)")
    if work_snapshot.submodules:
        paths = ", ".join(work_snapshot.submodules)
        lines.append(f"Submodules and repositories inside it also run as they are on disk: {paths}")
    unusable = "is a repository that git cannot use: its files are left out"
    lines += [f"note: {path} {unusable}" for path in work_snapshot.left_out]
    return lines + [f"note: {warning}" for warning in warnings]
