"""How a job's result is told to the control plane."""

from __future__ import annotations

from typing import Optional

from bkagent.errors import SetupFailed
from bkagent.spool import shared_files
from bkagent.spool.result import Result
from bkagent.wire.finish import AGENT_STOP, CANCEL, RUN_ERROR, Finish

_NO_STATUS = -1  # of a job that never had one of its own
_CANCELLED_STATUS = 1


def lost(finished_at: str, signal: str = "") -> Result:
    """Return the result of a job whose process left none behind; `signal` is what ended it, where that is known."""
    return Result(_NO_STATUS, signal, "" if signal else RUN_ERROR, finished_at)


def refused(reason: str, finished_at: str) -> Result:
    """Return the result of a job that must not run here; `reason` is one of `wire.finish`."""
    return Result(_NO_STATUS, "", reason, finished_at)


def finish_for(
    result: Result, cancel_reason: Optional[str], chunks_failed_count: int, leaves: bool, *,
    overrides_zero: bool = False,
) -> Finish:  # fmt: skip
    """Return what to send.

    `cancel_reason` is why the job was cancelled, None if it was not; it stands before the job's own reason.
    `leaves` says that the agent takes no job after this one. With `overrides_zero` a job that was cancelled, but not
    because its agent stops, never ends with 0 (EXPERIMENTS.md of buildkite/agent): it would look as if it had passed.
    """
    status, reason = result.exit_status, result.signal_reason
    if status == SetupFailed.exit_code:
        # The same status of a command itself cannot be told apart, as with the reference.
        status, reason = _NO_STATUS, reason or RUN_ERROR
    if cancel_reason:
        reason = AGENT_STOP if cancel_reason == shared_files.AGENT_STOP else CANCEL
        if overrides_zero and reason == CANCEL:
            status = status or _CANCELLED_STATUS
    return Finish(
        exit_status=str(status), signal=result.signal, signal_reason=reason, finished_at=result.finished_at,
        chunks_failed_count=chunks_failed_count, ignore_agent_in_dispatches=leaves,
    )  # fmt: skip
