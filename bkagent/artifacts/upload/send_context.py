"""What those who send the artifacts of one upload have in common."""

from __future__ import annotations

from bkagent.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

    from bkagent.artifacts.progress import TransferProgress
    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.upload.arrivals import Arrivals
    from bkagent.artifacts.upload.job_storage import JobStorage
    from bkagent.report import Report
    from bkagent.shell.cancellation import Cancellation
    from bkagent.transport.retry import Schedule


class SendContext(NamedTuple):
    """Where artifacts go, and what hears of it.

    stop      ends the whole upload
    schedule  of the tries of each request
    by_job    takes small files, where few are sent by a command of a job
    """

    store: ArtifactStore
    stop: Cancellation
    schedule: Schedule
    report: Report
    progress: TransferProgress
    arrivals: Arrivals
    by_job: Optional[JobStorage] = None
