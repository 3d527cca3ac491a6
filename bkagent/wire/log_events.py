"""The stable keys of the agent's own messages, which `--log-format json` writes as `event`.

The words of a message may change with any release, its key does not; so alerts are made on keys. docs/reference/
log-events.md is made from the table.
"""

from __future__ import annotations

from typing import Dict, Protocol

EVENTS: Dict[str, str] = {
    "agent.starting": "the agent starts",
    "agent.stop_hint": "how to stop the agent",
    "agent.signal_received": "a signal asks the agent to stop",
    "agent.registering": "the agent registers with the control plane",
    "agent.registered": "a worker is registered",
    "agent.dispatch_mode": "how the agent gets its jobs",
    "agent.hook_missing": "a folder of hooks does not have a hook of the agent",
    "agent.hook_running": "a hook of the agent runs",
    "agent.hook_output": "a line that a hook of the agent printed",
    "agent.hook_failed": "the agent-shutdown hook failed",
    "cleanup.code_removed": "code or launchers of an unused version were removed",
    "cleanup.log_removed": "a kept log was removed for its age, or for the room that kept logs take",
    "commands.unavailable": "commands of jobs run without a warm process",
    "commands.warm_failed": "the warm process of commands ended before it was ready",
    "config.build_path_created": "the build folder was missing and has been made",
    "config.experiment_enabled": "an experiment is on",
    "config.loaded": "the configuration was read",
    "config.path": "a folder or program of the agent's jobs",
    "config.warning": "a setting is unknown, invalid or without effect",
    "control_plane.request": "a request to the control plane, or the end of one",
    "control_plane.retry": "a request failed and is sent again, or given up",
    "defect.reported": "an internal error; its report is in the state folder",
    "heartbeat.failed": "a heartbeat was not answered",
    "heartbeat.sent": "a heartbeat was accepted",
    "job.accepting": "a job was assigned and is being accepted",
    "job.cancelled": "a job is cancelled in the control plane",
    "job.entry_not_removed": "a spool entry cannot be removed",
    "job.env_files_created": "the files with the variables of a job were written",
    "job.env_files_deleted": "the files with the variables of a job were removed",
    "job.finished": "a job has ended and the control plane has its result",
    "job.finishing": "the result of a job is sent",
    "job.killed": "a job did not end within its grace period and was killed",
    "job.left_in_spool": "a job stays in the spool for the next start",
    "job.log_copy_failed": "a copy of a log cannot be written",
    "job.log_kept": "a log was moved to the kept ones",
    "job.not_started": "an assigned job could not be started",
    "job.output_blocked": "standard output is blocked, so the rest of a job's output is not shown",
    "job.output_failed": "standard output is closed, so a job's output is not shown",
    "job.process_ended": "the process of a job has ended",
    "job.process_failed": "the process of a job ended before the job began",
    "job.process_lost": "the process of a job ended without a result",
    "job.process_started": "the process of a job runs",
    "job.process_stderr": "what the process of a job printed on standard error",
    "job.reason_not_uploaded": "the reason why a job failed is missing in its log",
    "job.rejected_by_hook": "the pre-bootstrap hook rejected a job",
    "job.result_damaged": "the result of a job cannot be read",
    "job.result_refused": "the control plane refused the result of a job",
    "job.result_unsent": "the result of a job cannot be sent now",
    "job.resumed": "a job of an earlier agent goes on",
    "job.resume_refused": "a job of an earlier agent is ended, since it may not run here",
    "job.run_failed": "a job could not be run and fails",
    "job.signalled": "the process of a job was sent a signal",
    "job.starting": "a job starts",
    "job.state_unknown": "the control plane did not say whether a job is cancelled",
    "job.timed_out": "a job has exceeded its time limit and is cancelled",
    "job.timeout_file_failed": "a job cannot be told that it has timed out",
    "job.token_invalid": "the token of a job is not valid any more, so the job is cancelled",
    "job.unverified": "a signed job runs unverified",
    "log.chunk_retried": "a chunk of a log was not taken and is sent again",
    "log.disk_full": "a log waits for room on the disk",
    "log.header_times_failed": "the times of log headers were not taken",
    "log.header_times_unsaved": "which header times were sent cannot be saved",
    "log.too_large": "a log has exceeded the size limit of the control plane",
    "log.upload_failed": "a log cannot be uploaded",
    "session.endpoint_failed": "another endpoint that the control plane named does not answer",
    "session.endpoint_refused": "another endpoint that the control plane named is not used",
    "session.moved": "the control plane moved the agent to another endpoint",
    "session.setting": "a setting that came with the registration",
    "session.tracing_unsupported": "the control plane asks for tracing, which this release does not have",
    "spool.entry_kept": "something in the spool is not a valid entry and was moved to the kept ones",
    "spool.entry_not_moved": "something in the spool is not a valid entry and cannot be moved",
    "spool.scan_failed": "the spool cannot be read",
    "state.folder_replaced": "the state folder cannot be used, so another one is",
    "takeover.deferred": "a damaged entry is left alone while its job runs",
    "takeover.failed": "a job of an earlier agent could not be delivered",
    "takeover.session_ended": "the session of a job of an earlier agent has ended, so the job is cancelled",
    "takeover.started": "a job that an earlier agent left is taken over",
    "warm.ended": "the warm process of jobs has ended",
    "warm.failed": "the warm process of jobs does not answer",
    "warm.unavailable": "no warm process of jobs can be started",
    "watchdog.invalid": "the watchdog variables of systemd are invalid",
    "watchdog.failed": "systemd's watchdog cannot be reached",
    "worker.acquire_failed": "the job of --acquire-job could not be acquired",
    "worker.acquiring": "the job of --acquire-job is being acquired",
    "worker.connected": "a worker is connected and waits for jobs",
    "worker.connecting": "a worker connects",
    "worker.disconnect_failed": "a worker could not disconnect",
    "worker.disconnected": "a worker has disconnected",
    "worker.disconnecting": "a worker disconnects",
    "worker.failed": "a worker ends because of an error",
    "worker.idle": "all workers have been idle for the idle timeout, so this one disconnects",
    "worker.job_ignored": "a worker that has run its one job was offered another",
    "worker.message": "a message of the control plane to the agent",
    "worker.next_ping": "when a worker pings next",
    "worker.ping_answered": "what the control plane answered to a ping",
    "worker.ping_failed": "a ping was not answered",
    "worker.session_lost": "the control plane no longer accepts this agent",
    "worker.state_changed": "a worker changed its state",
    "worker.stop_unreported": "the control plane was not told that the agent is stopping",
    "worker.stopping": "a worker without a job stops",
}


class EventReport(Protocol):
    """Takes a message: its level, its words, and its key in EVENTS."""

    def __call__(self, level: str, text: str, event: str = "") -> None:
        """Write the message to the agent's log."""
        ...


def with_event(report: EventReport, event: str) -> EventReport:
    """Return `report` with a key for messages that come without one, as those of a client's requests do."""
    return lambda level, text, own="": report(level, text, own or event)
