"""Upload a job's log: chunks, and the times of its headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping

from bkagent.errors import Unavailable
from bkagent.remote.client import DEFAULT_TIMEOUT_S, Client
from bkagent.remote.escaping import segment
from bkagent.transport.retry import Schedule, constant, retry, worth_another_try

if TYPE_CHECKING:
    from bkagent.report import Report

Wait = Callable[[float], bool]

HEADER_TIMES = constant(10, 5.0)


def upload(
    client: Client,
    job_id: str,
    sequence: int,
    offset: int,
    size: int,
    gzipped: bytes,
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> None:
    """Send one chunk of the log, once; `logs/upload/chunk_senders.py` retries.

    sequence  1 for the first piece, then one more each
    offset    where it starts in the log, in bytes before compression
    size      its length there
    """
    client.call(
        "POST", f"jobs/{segment(job_id)}/chunks",
        query={"sequence": str(sequence), "offset": str(offset), "size": str(size)},
        headers={"Content-Encoding": "gzip"}, body=gzipped, content_type="text/plain", timeout_s=timeout_s,
    )  # fmt: skip


def header_times(
    client: Client,
    job_id: str,
    times: Mapping[str, str],
    *,
    wait: Wait,
    report: Report,
    schedule: Schedule = HEADER_TIMES,
) -> None:
    """Send the times of the log's headers: their numbers as text from "0" on, to RFC 3339 times. 429 is final here."""
    document = {"header_times": dict(times)}
    path = f"jobs/{segment(job_id)}/header_times"
    retry(
        lambda number: client.call("POST", path, document=document),
        schedule, wait=wait, report=report, may_retry=_may_retry_times,
    )  # fmt: skip


def _may_retry_times(error: Exception) -> bool:
    return worth_another_try(error) and not (isinstance(error, Unavailable) and error.status == 429)
