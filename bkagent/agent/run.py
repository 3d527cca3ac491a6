"""Run an agent that has begun: let the workers work, leave. Installs no signal handlers and prints nothing."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, List, Optional

from bkagent.agent import cleanup
from bkagent.agent.jobs.agent_context import AgentContext
from bkagent.agent.jobs.job_preparation import own_folders
from bkagent.agent.jobs.takeover import Takeover
from bkagent.agent.output.stdout_follower import OpenOutput
from bkagent.agent.session.beginnings import Beginnings
from bkagent.agent.session.idle_timer import IdleTimer
from bkagent.agent.session.session import AgentSession
from bkagent.agent.session.watchdog import Watchdog, read_watch
from bkagent.agent.settings import AgentSettings
from bkagent.agent.shutdown import FORCED, KILL, Shutdown
from bkagent.agent.worker import Worker
from bkagent.agent.worker_loop import WorkerLoop
from bkagent.config import paths
from bkagent.config.launching import in_use_locks
from bkagent.config.options import agent
from bkagent.config.options import session as session_options
from bkagent.errors import AgentError, Cancelled
from bkagent.redaction.known import KnownSecrets
from bkagent.spool import directory, layout
from bkagent.system import exit_status
from bkagent.warm.command_forks import CommandForks
from bkagent.warm.job_forks import JobForks
from bkagent.wire.log_events import EventReport

if TYPE_CHECKING:
    from bkagent.agent.agent_api import AgentApi
    from bkagent.agent.session.registering import Registering

# Jobs of agents that died beside this one are found at this interval; at the start at once.
_LOOK_EVERY_S = 30.0


def run(
    settings: AgentSettings, registering: Registering, stop: Shutdown, report: EventReport,
    warm: Optional[JobForks] = None, open_output: Optional[OpenOutput] = None, known: Optional[KnownSecrets] = None,
) -> int:  # fmt: skip
    """Run the agent that `begin` has begun until its workers have left; return the exit status for the process.

    Jobs are forked from `warm` where one is given and open. `open_output` is asked for where to show what each job
    prints; without it that is shown nowhere. `known` learns the tokens that `report` must not show.

    Raises AgentError when it cannot go on: the registration was refused, or the spool cannot be read.
    """
    context = AgentContext(
        settings, os.path.join(settings.state_path, layout.SPOOL), stop, report, warm, open_output,
        known=known or KnownSecrets(),
    )  # fmt: skip
    unsubscribe = stop.on_request(lambda level: _limit_forced_stop(level, settings, stop))
    takeover = Takeover(context)
    held = in_use_locks.hold(own_folders(settings.job))
    agent_api = _open_agent_api(settings, report)
    try:
        takeover.scan()
        threading.Thread(target=_collect, args=(settings, report), name="collecting", daemon=True).start()
        return _work(settings, registering, context, takeover, agent_api)
    finally:
        if agent_api is not None:
            agent_api.close()
        unsubscribe()
        context.timers.close()
        for fd in held:
            os.close(fd)


def _open_agent_api(settings: AgentSettings, report: EventReport) -> Optional[AgentApi]:
    """Take part in the Agent API from before the first job, which may be one of an earlier agent, where that is on."""
    if not settings.takes_part_in_agent_api():
        return None
    from bkagent.agent.agent_api import AgentApi

    agent_api = AgentApi(settings.job[agent.SOCKETS_PATH], settings.job.environ, report, settings.is_verbose)
    agent_api.open()
    return agent_api


def _collect(settings: AgentSettings, report: EventReport) -> None:
    """Remove what is unused, now; an agent that runs for long leaves it to the next that starts."""
    own = own_folders(settings.job)
    cleanup.collect_kept(settings.state_path, report)
    cleanup.collect_sessions(settings.state_path)
    cleanup.collect_upload_journals(settings.state_path)
    cleanup.collect_sockets(settings.job[agent.SOCKETS_PATH], paths.temporary(settings.job.environ))
    if not directory.entries(os.path.join(settings.state_path, layout.SPOOL)):
        # The state folder of the launchers is that of the code as well, also where the spool is elsewhere.
        cleanup.collect_unused(os.path.dirname(os.path.dirname(settings.job.launchers_path)), own, report)


def _work(
    settings: AgentSettings, registering: Registering, context: AgentContext, takeover: Takeover,
    agent_api: Optional[AgentApi],
) -> int:  # fmt: skip
    stop, report = context.stop, context.report
    try:
        sessions = registering.sessions()
    except Cancelled:
        takeover.wait()
        return 0
    for session in sessions:
        context.known.add(session.token)
        tags = ", ".join(settings.tags)
        report("info", f'Successfully registered agent "{session.name}" with tags [{tags}]', "agent.registered")
    interval_s = max(session.ping_interval_s for session in sessions)
    why = "as configured" if settings[session_options.PING_MODE] != "auto" else "this release does not stream"
    text = f"Dispatch mode: polling; a job may wait up to {interval_s:g} s for this agent ({why})"
    report("info", text, "agent.dispatch_mode")
    _run_hooks("agent-startup", settings, sessions, report)
    idle_timer = IdleTimer(len(sessions), settings[session_options.DISCONNECT_AFTER_IDLE])
    beginnings = Beginnings()
    commands = CommandForks(settings.job.launchers_path, settings.job.environ, report)
    workers, loops = [], []
    for index, session in enumerate(sessions, 1):
        own = context.of_worker(stop.part(), _prefix_with(report, session.name))
        workers.append(Worker(index, session, own, idle_timer, beginnings))
        loops.append(WorkerLoop(workers[-1], context.timers, own.stop, report))
    commands.open()
    if agent_api is not None:
        agent_api.wait()
    watch = read_watch(settings.environ, report)
    watchdog = Watchdog(watch, lambda: all(worker.is_well() for worker in workers), report) if watch else None
    try:
        if watchdog is not None:
            watchdog.start()
        _run_all(loops, takeover, report)
        takeover.wait()
    finally:
        if watchdog is not None:
            watchdog.stop()
        commands.close()
    try:
        _run_hooks("agent-shutdown", settings, sessions, report)
    except AgentError as problem:
        report("warn", str(problem), "agent.hook_failed")
    return _exit_status(settings, workers, stop)


def _run_hooks(name: str, settings: AgentSettings, sessions: List[AgentSession], report: EventReport) -> None:
    """Run a hook of the agent's own life where it has folders of hooks; all of that is loaded then, before any job."""
    if settings.job[agent.HOOKS_PATH] or settings.job[agent.ADDITIONAL_HOOKS_PATHS]:
        from bkagent.agent import agent_hooks

        agent_hooks.run_lifecycle_hooks(name, settings.job, {session.id: session.name for session in sessions}, report)


def _run_all(loops: List[WorkerLoop], takeover: Takeover, report: EventReport) -> None:
    """Have all workers work until they have left, and look after the spool meanwhile."""
    for loop in loops:
        loop.start()
    for loop in loops:
        while not loop.left.wait(_LOOK_EVERY_S):
            _rescan(takeover, report)


def _rescan(takeover: Takeover, report: EventReport) -> None:
    try:
        takeover.scan()
    except AgentError as problem:
        report("error", str(problem), "spool.scan_failed")  # running jobs go on


def _exit_status(settings: AgentSettings, workers: List[Worker], stop: Shutdown) -> int:
    for worker in workers:
        if worker.error is not None:
            return worker.error.exit_code
    if stop.level >= KILL:
        return 1
    finish = workers[0].last_finish if workers else None
    reflects = settings[session_options.ACQUIRE_JOB] and settings[session_options.REFLECT_EXIT_STATUS]
    if reflects and finish is not None:
        return exit_status.visible(int(finish.exit_status))
    return 0


def _limit_forced_stop(level: int, settings: AgentSettings, stop: Shutdown) -> None:
    """A forced stop ends one second after its jobs' grace period; what is not done then stays on disk."""
    if level == FORCED:
        timer = threading.Timer(settings.job[agent.CANCEL_GRACE_PERIOD] + 1.0, stop.request, (KILL,))
        timer.daemon = True
        timer.start()


def _prefix_with(report: EventReport, name: str) -> EventReport:
    return (lambda level, text, event="": report(level, f"{name} {text}", event)) if name else report
