"""Names of jobs for people to read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.controlplane.records import Job

_LONGEST = 40


def plain_line(text: str, longest: int) -> str:
    """Return a text of a job's as one line of at most so many characters, with nothing that steers a terminal."""
    text = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return text[: longest - 1] + "…" if len(text) > longest else text


def display_name(job: "Job") -> str:
    """Return the label, the key or the start of the command, on one line without control characters."""
    text = job.label or job.step_key or job.command.strip().split("\n")[0] or job.id[:8]
    text = plain_line(text, _LONGEST)
    if job.parallel_total and job.parallel_total > 1 and job.parallel_index is not None and not job.matrix:
        text += f" [{job.parallel_index + 1}/{job.parallel_total}]"
    if job.retries_count:
        text += f" (try {job.retries_count + 1})"
    return text


def file_name(number: int, job: "Job") -> str:
    """Return a name for the job's log file: a number that sorts, and its name's letters and digits."""
    letters = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in display_name(job).lower())
    return f"{number:02d}-" + "-".join(word for word in letters.split("-") if word)[:60]
