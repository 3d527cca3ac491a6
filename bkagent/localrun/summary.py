"""The summary of a build: the table at its end and the exit status."""

from __future__ import annotations

import html
import re
from typing import List, Mapping, Optional, Sequence

from bkagent.localrun.display_names import display_name, plain_line
from bkagent.system.exit_status import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.controlplane.attachments import Annotation
    from bkagent.controlplane.records import Job

_TAG = re.compile(r"<(?:!--.*?-->|(?:script|style)\b.*?</(?:script|style)\s*>|/?[a-zA-Z][^<>]*>)", re.S | re.I)
_LONGEST_LINE, _LONGEST_NOTE, _LONGEST_CONTEXT, _MOST_LOOKED_AT = 100, 250, 40, 10_000
_NOT_RUN_WORDS = {
    "conditional_failed": "its `if` is false",
    "branch_mismatch": "not for this branch",
    "parallelism_zero": "parallelism is 0",
    "missing_dependency": "a dependency does not exist",
}


def table(jobs: "Sequence[Job]", logs: "Mapping[str, str]") -> "List[str]":
    """Return the lines of the table: step, result, duration, where the log is."""
    rows = [("STEP", "RESULT", "DURATION", "LOG")]
    for job in jobs:
        if job.type == "script":
            rows.append((display_name(job), _result(job), _duration(job), logs.get(job.id, "")))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(row[c].ljust(widths[c]) for c in range(3)), row[3]]).rstrip() for row in rows]


def not_notified(lines: "Sequence[str]") -> "List[str]":
    """Return the lines that tell of notifications that were not sent."""
    return [plain_line(line, _LONGEST_NOTE) for line in lines]


def notes(annotations: "Sequence[Annotation]") -> "List[str]":
    """Return the lines that tell of annotations: how many there are, then style, context and first line of each."""
    if not annotations:
        return []
    count = len(annotations)
    lines = [f"{count} annotation{'s' if count > 1 else ''}:"]
    return lines + [
        f"  {each.style or 'default'}, {plain_line(each.context, _LONGEST_CONTEXT)}: {_first_line(each.body)}"
        for each in annotations
    ]


def _first_line(body: str) -> str:
    """Return the first line of a text in Markdown or HTML that says something, without its tags."""
    text = html.unescape(_TAG.sub(" ", body[:_MOST_LOOKED_AT]))
    lines = (plain_line(line, _LONGEST_LINE).lstrip("#>*-` ").strip() for line in text.splitlines())
    return next((line for line in lines if line), "(no text)")


def exit_status(jobs: "Sequence[Job]", build_state: str) -> int:
    """Return 0, or the exit status of the first job that failed by finish time; -1 shows as 255.

    Soft failures aside. A build that did not pass although no job failed gives 1.
    """
    failed = [job for job in jobs if job.type == "script" and not job.retried and _has_failed(job)]
    if not failed:
        return 0 if build_state in ("passed", "not_run") else 1
    first = min(failed, key=lambda job: job.finished_at if job.finished_at is not None else float("inf"))
    return visible(first.exit_status or 1)


def _has_failed(job: "Job") -> bool:
    if job.soft_failed:
        return False
    return job.state in ("timed_out", "expired", "canceled") or (job.state == "finished" and bool(job.exit_status))


def _result(job: "Job") -> str:
    if job.state == "broken":
        return f"not run: {_NOT_RUN_WORDS.get(job.broken_reason) or job.reason or job.broken_reason}"
    if job.state in ("waiting_failed", "blocked_failed"):
        return "not run: an earlier step failed"
    if job.state == "finished" and job.exit_status:
        text = f"failed ({job.exit_status}" + (f", {job.signal}" if job.signal else "") + ")"
        return "soft " + text if job.soft_failed else text + (", tried again" if job.retried else "")
    return job.shown_state


def _duration(job: "Job") -> str:
    seconds = _seconds(job)
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _seconds(job: "Job") -> "Optional[float]":
    if job.started_at is None or job.finished_at is None:
        return None
    return max(0.0, job.finished_at - job.started_at)
