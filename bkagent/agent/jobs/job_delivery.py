"""See a job of the spool through to its end: upload its log, watch for a cancellation, post its result.

The job may have been started by this agent or by one that is gone; it makes no difference here. Its process
ends when the kernel frees its lock, and its result comes from the spool.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Callable, List, Mapping, Optional, Sequence, Union

from bkagent.agent.jobs import outcome
from bkagent.agent.jobs.cancel_poller import CancelPoller
from bkagent.agent.jobs.job_canceller import JobCanceller
from bkagent.agent.jobs.job_files import JobFiles, remove_if_there
from bkagent.agent.output.stdout_follower import OpenOutput, StdoutFollower
from bkagent.agent.shutdown import FORCED, KILL, Shutdown
from bkagent.errors import AgentError, Cancelled, Refused, Unreachable, WireError
from bkagent.logs.header_times import HeaderTimes
from bkagent.logs.upload.chunk_senders import GivenUp
from bkagent.logs.upload.shared_backoff import SharedBackoff
from bkagent.logs.upload.uploader import Uploader
from bkagent.remote.client import Client
from bkagent.remote.worker import chunks, jobs
from bkagent.spool import layout
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.custody import keeping
from bkagent.spool.result import Result
from bkagent.spool.shared_files import AGENT_STOP
from bkagent.system import renaming
from bkagent.system.plain_file import open_plain
from bkagent.transport.retry import Schedule
from bkagent.transport.timers import Timers
from bkagent.wire.finish import Finish
from bkagent.wire.log_events import EventReport, with_event
from bkagent.wire.timestamps import rfc3339

# The result stays on disk until it is taken, so there is no last try; the pauses stay short enough for an
# outage's end to be noticed.
_LONGEST_FINISH_PAUSE_S = 60.0
FINISH_WITHOUT_END = Schedule(
    0, lambda failed: min(jobs.FINISH.pause_s(min(failed, 12)), _LONGEST_FINISH_PAUSE_S), jobs.FINISH.jitter
)
_ALREADY_FINISHED = 422
_KILLED_WITHIN_S = 2.0


class JobDelivery:
    """One entry that this process owns, and the client that speaks for its job.

    `last_try_s` is for how long an immediate stop still lets it deliver what is there, after the kill.
    """

    def __init__(
        self, entry: AgentEntry, client: Client, files: JobFiles, stop: Shutdown, report: EventReport,
        last_try_s: float = 0.0, open_output: Optional[OpenOutput] = None, backoff: Optional[SharedBackoff] = None,
        *, timers: Timers,
    ) -> None:  # fmt: skip
        self._entry, self._client, self._files = entry, client, files
        self._stop, self._report, self._last_try_s = stop, report, last_try_s
        self._open_output, self._backoff, self._timers = open_output, backoff or SharedBackoff(), timers
        self._report_retry = with_event(report, "control_plane.retry")
        self._gave_up = threading.Event()
        self._uploader: Optional[Uploader] = None
        self.canceller = JobCanceller(entry, report)
        self.over = False  # whether the job's process has ended, as the entry tells
        # Set when the process of a job that this agent has started is gone.
        self.process_gone: Optional[threading.Event] = None

    def run(self) -> Optional[Finish]:
        """Return how the job ended, after its finish was acknowledged and its entry is gone.

        Returns None where a stop came first: the entry is then given back for another agent to go on with.
        """
        job = self._entry.job
        poller = CancelPoller(
            self._client, job.job_id, job.job_status_interval_s, self.canceller, self._timers,
            mark_timed_out=self._mark_timed_out, on_recovery=self._backoff.over, report=self._report,
        )  # fmt: skip
        unsubscribe = self._stop.on_request(self._obey)
        poller.start()
        try:
            failed_chunks, kept_because = self._upload()
            if self._gave_up.is_set() and not self._entry.process.wait_for_end(_KILLED_WITHIN_S):
                self._leave()
                return None
            self.over = True
            poller.stop()
            finish = self._outcome(failed_chunks)
            self._report(
                "debug",
                f"Finishing job with exit_status={finish.exit_status}, signal={finish.signal} "
                f"and signal_reason={finish.signal_reason}",
                "job.finishing",
            )
            refused_because = self._post(finish)
            if refused_because is None:
                self._leave()
                return None
            self._clear(kept_because or refused_because)
            return finish
        except (AgentError, OSError):
            # Not ours any more: the next look at the spool goes on with it.
            self._entry.release()
            raise
        finally:
            poller.stop()
            unsubscribe()
            self.canceller.close()

    def _obey(self, level: int) -> None:
        if level >= FORCED:
            self.canceller.cancel(AGENT_STOP)
        if level >= KILL:
            self.canceller.kill()
            if self._last_try_s:
                last = threading.Timer(self._last_try_s, self._give_up_now)
                last.daemon = True
                last.start()
            else:
                self._give_up_now()

    def _give_up_now(self) -> None:
        if self._last_try_s:
            self.canceller.kill()  # a process may have started since the first kill
        self._gave_up.set()
        if self._uploader is not None:
            try:
                self._uploader.nudge()
            except OSError:
                pass  # the entry is gone: done in this moment

    def _mark_timed_out(self) -> None:
        try:
            self._files.mark_timed_out()
        except OSError as problem:
            text = f"job {self._entry.job_id} cannot be told that it timed out: {problem}"
            self._report("warn", text, "job.timeout_file_failed")

    def _upload(self) -> "tuple[int, str]":
        """Upload until the job has ended and all is taken; return the chunks that failed, and why the log is kept."""
        watchers = self._log_watchers()
        self._uploader = Uploader(
            self._entry, self._send, self._report, backoff=self._backoff, watch=_watch_size(watchers),
            call_later=self._timers.call_later, call_now=self._timers.call_now,
            is_rung_at_end=self.process_gone is not None,
        )  # fmt: skip
        try:
            self._uploader.run(self._gave_up)
            return 0, ""
        except GivenUp as refusal:
            return self._wait_without_upload(refusal, refusal.chunks_failed_count)
        except (AgentError, OSError) as damage:
            # The entry cannot be read, so how many chunks are lost is unknown: one tells that the log is incomplete.
            return self._wait_without_upload(damage, 1)
        finally:
            for watcher in watchers:
                watcher.close()

    def _wait_without_upload(self, problem: Exception, failed_chunks: int) -> "tuple[int, str]":
        """Let the job run to its end, since it has a result all the same; return what `_upload` returns."""
        self._report("error", f"the log of job {self._entry.job_id} cannot be uploaded: {problem}", "log.upload_failed")
        self._entry.process.wait_for_end()
        return failed_chunks, str(problem)

    def _log_watchers(self) -> "List[Union[HeaderTimes, StdoutFollower]]":
        """Return what looks at the log as it grows."""
        watchers: "List[Union[HeaderTimes, StdoutFollower]]" = []
        if not self._entry.job.ansi_timestamps:
            watchers.append(HeaderTimes(self._entry, self._send_times, self._report))
        if self._open_output is not None:
            output = self._open_output(self._entry.job.log_fields)
            watchers.append(StdoutFollower(self._entry, output, self._report))
        return watchers

    def _send(self, sequence: int, offset: int, size: int, gzipped: bytes) -> None:
        chunks.upload(self._client, self._entry.job_id, sequence, offset, size, gzipped)

    def _send_times(self, times: Mapping[str, str]) -> None:
        chunks.header_times(self._client, self._entry.job_id, times, wait=self._gave_up.wait, report=self._report_retry)

    def _outcome(self, failed_chunks: int) -> Finish:
        result = self._result()
        words = last_words(self._entry) if self._entry.process.started() else ""
        if words:
            self._report("error", f"stderr of the process of job {self._entry.job_id}: {words}", "job.process_stderr")
        if result is None:
            signal = "SIGKILL" if self.canceller.killed else ""
            result = outcome.lost(rfc3339(time.time_ns()), signal)
            if not signal:
                text = f"the process of job {self._entry.job_id} ended without a result"
                self._report("error", text, "job.process_lost")
            # On disk first, so that an agent that takes the job over sends the same result.
            if not self._entry.settle(result):
                result = self._result() or result
        job = self._entry.job
        return outcome.finish_for(
            result, self._entry.cancel_reason(), failed_chunks, job.disconnect_after_job,
            overrides_zero=job.overrides_zero_exit,
        )  # fmt: skip

    def _result(self) -> Optional[Result]:
        try:
            return self._entry.result()
        except WireError as problem:
            self._report("error", str(problem), "job.result_damaged")
            return None

    def _post(self, finish: Finish) -> Optional[str]:
        """Return "" when accepted, the reason when refused, None when stopped first."""
        job_id = self._entry.job_id
        while not self._gave_up.is_set():
            try:
                jobs.finish(
                    self._client, job_id, finish, wait=self._gave_up.wait, report=self._report_retry,
                    schedule=FINISH_WITHOUT_END,
                )  # fmt: skip
                return ""
            except Cancelled:
                return None
            except Refused as refusal:
                if refusal.status == _ALREADY_FINISHED:
                    return ""
                text = f"the control plane refused the result of job {job_id}: {refusal}"
                self._report("error", text, "job.result_refused")
                return str(refusal)
            except Unreachable as problem:
                # A certificate, say: nothing that passes by itself, but something that a person mends.
                text = f"the result of job {job_id} cannot be sent now: {problem}"
                self._report("error", text, "job.result_unsent")
                self._gave_up.wait(_LONGEST_FINISH_PAUSE_S)
        return None

    def _leave(self) -> None:
        text = f"job {self._entry.job_id} stays in the spool for the next start"
        self._report("warn", text, "job.left_in_spool")
        self._entry.release()

    def _clear(self, kept_because: str) -> None:
        if self.process_gone is not None and (kept_because or not renaming.CAN_REMOVE_OPEN):
            # The kernel frees the locks of a process before its other files. Where these do not matter it is not waited
            # for: it waits itself, for the entry to be gone.
            self.process_gone.wait(_KILLED_WITHIN_S)
        self._files.remove()
        text = f"Deleted env files: {self._files.env_path}, {self._files.env_json_path}"
        self._report("debug", text, "job.env_files_deleted")
        if self._entry.job.log_tmpfile:
            remove_if_there(self._entry.job.log_tmpfile)  # its process does that, unless it was killed
        try:
            if kept_because:
                kept_path = keeping.keep_entry(self._entry, kept_because)
                self._report("warn", f"the log of job {self._entry.job_id} is kept in {kept_path}", "job.log_kept")
            else:
                self._entry.remove()
        except OSError as problem:
            text = f"the spool entry of job {self._entry.job_id} cannot be removed: {problem}"
            self._report("warn", text, "job.entry_not_removed")


def _watch_size(watchers: "Sequence[Union[HeaderTimes, StdoutFollower]]") -> Optional[Callable[[int], None]]:
    if len(watchers) < 2:
        return watchers[0].note_size if watchers else None

    def note_size(size: int) -> None:
        for watcher in watchers:
            watcher.note_size(size)

    return note_size


def last_words(entry: AgentEntry) -> str:
    """Return what a job's process had to say that is not for the job's log: a defect, or why it could not begin."""
    try:
        path = os.path.join(entry.folder, layout.STDERR)
        with open(path, encoding="utf-8", errors="replace", opener=open_plain) as file:
            return " ".join(file.read(2000).split())
    except OSError:
        return ""


def settle_unrunnable(entry: AgentEntry, result: Result) -> bool:
    """Give an entry whose job cannot run its result; False when it turns out that it has one, or runs."""
    try:
        return entry.settle(result)
    except AgentError:
        return False
