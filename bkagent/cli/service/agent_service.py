"""The agent as a service: what Windows asks for becomes a stop of the agent, and its end the service's."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Callable, List, Optional

from bkagent.agent.shutdown import FORCED, GRACEFUL, KILL, Shutdown
from bkagent.cli.command import Call, Command
from bkagent.cli.log import Log
from bkagent.cli.service import rotated_log
from bkagent.cli.service.status_reports import StatusReports
from bkagent.config.kinds import duration_text
from bkagent.system import signals
from bkagent.system.service.event_log import ERROR, INFORMATION, WARNING, EventLog
from bkagent.system.service.service_process import ServiceProcess
from bkagent.system.service.service_types import SHUTDOWN

if TYPE_CHECKING:
    from bkagent.wire.log_events import EventReport

# Numbers of events, by which administrators filter them.
_STARTED, _STOPPING, _ENDED, _WARNED, _FAILED = 1, 2, 3, 10, 11
_REGISTERED = "agent.registered"
# Until it is registered, an agent may yet end for a wrong token, say, and who starts the service has to know that.
# But a control plane that does not answer holds up no start of Windows.
_REGISTERED_WITHIN_S = 10.0
_LAST_SECONDS = 5.0  # as for a third signal: the jobs' processes are killed, and their results written down


class AgentService:
    """One life of the service `name`. Connects with Windows; raises ServiceError where that did not start it."""

    def __init__(self, name: str, drain_s: float) -> None:
        self._drain_s = drain_s
        self._stop: Optional[Shutdown] = None
        self._report: Optional[EventReport] = None
        self._is_asked_to_stop = False
        self._process = ServiceProcess(name, self._obey)
        self._reports = StatusReports(self._process.set_status)
        self._events = EventLog(name)
        signals.outlive_logoffs()
        self._reports.move("starting")
        self._reports.keep_reporting()

    def run(self, command: Command, words: List[str], log_path: str) -> int:
        """Run `start` with these words until the agent has ended; all that it prints goes to the log."""
        status = 1
        try:
            status = self._run(command, words, log_path)
        except OSError as error:
            self._events.write(ERROR, _FAILED, f"The agent cannot write its log {log_path}: {error.strerror}")
            raise
        finally:
            is_failure = status != 0 and not self._is_asked_to_stop
            text = f"The agent has ended with exit status {status}; bkagent service logs says more"
            self._events.write(ERROR if is_failure else INFORMATION, _ENDED, text)
            self._end(status if is_failure else 0)  # Windows would start it again after a failure
        return status

    def _run(self, command: Command, words: List[str], log_path: str) -> int:
        from bkagent.cli import main
        from bkagent.cli.commands import start

        sys.stdout = sys.stderr = rotated_log.open_text(log_path)

        def run_start(call: Call) -> int:
            call.report = _ServiceLog(call, self._events, self._note_running)
            return start.run(call, self._follow)

        same = Command(command.name, run_start, options=command.options, reads_file=command.reads_file)
        return main.main([command.name, *words], command=same)

    def _end(self, status: int) -> None:
        self._reports.move("stopped", status)

    def _follow(self, stop: Shutdown, report: EventReport) -> None:
        """Let the service's controls raise `stop`, as signals do elsewhere."""
        self._stop, self._report = stop, report
        stop.on_request(self._limit_kill)
        timer = threading.Timer(_REGISTERED_WITHIN_S, self._note_running)
        timer.daemon = True
        timer.start()

    def _note_running(self) -> None:
        if self._reports.move("running"):
            self._events.write(INFORMATION, _STARTED, f"The agent has started as process {os.getpid()}")

    def _obey(self, control: str) -> None:
        stop, report = self._stop, self._report
        assert stop is not None and report is not None  # Windows sends no control before the service runs
        self._is_asked_to_stop = True
        self._reports.move("stopping")
        if control == SHUTDOWN:
            text = "The machine shuts down: cancelling the running jobs; the next start delivers what is left of them"
        elif not self._drain_s:
            text = "Windows asks the service to stop: cancelling the running jobs"
        else:
            text = (
                "Windows asks the service to stop: waiting for the running jobs, which are cancelled after "
                + duration_text(self._drain_s)
            )
        report("info", text, "agent.service_stopping")
        self._events.write(INFORMATION, _STOPPING, text)
        if control == SHUTDOWN or not self._drain_s:
            stop.request(FORCED)
            return
        stop.request(GRACEFUL)
        timer = threading.Timer(self._drain_s, self._cancel_jobs, (stop, report))
        timer.daemon = True
        timer.start()

    def _cancel_jobs(self, stop: Shutdown, report: EventReport) -> None:
        if stop.level < FORCED:
            text = f"The running jobs did not end within {duration_text(self._drain_s)}: cancelling them"
            report("warn", text, "agent.service_stopping")
            stop.request(FORCED)

    def _limit_kill(self, level: int) -> None:
        if level == KILL:
            last = threading.Timer(_LAST_SECONDS, self._end_at_once)
            last.daemon = True
            last.start()

    def _end_at_once(self) -> None:
        self._end(0)
        os._exit(1)


class _ServiceLog(Log):
    """The agent's messages, of which administrators see the important ones in the event log as well."""

    __slots__ = ("_events", "_note_registered")

    def __init__(self, call: Call, events: EventLog, note_registered: Callable[[], None]) -> None:
        super().__init__(call.settings, call.err, call.out, call.environ)
        self._events, self._note_registered = events, note_registered

    def __call__(self, level: str, text: str, event: str = "") -> None:
        super().__call__(level, text, event)
        if event == _REGISTERED:
            self._note_registered()
        if level == "warn":
            self._events.write(WARNING, _WARNED, text)
        elif level in ("error", "fatal"):
            self._events.write(ERROR, _FAILED, text)
