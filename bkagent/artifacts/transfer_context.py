"""What uploads and downloads have from their caller: whom they talk to, on whose behalf, and where they report."""

from __future__ import annotations

from contextlib import contextmanager

from bkagent.artifacts.progress import ProgressLines, TransferProgress
from bkagent.named_tuple import NamedTuple
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.client.http_client import Pool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Mapping, Optional

    from bkagent.artifacts.progress import ProgressView
    from bkagent.artifacts.upload.job_storage import StoreByJob
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.remote.api_client import ApiClient
    from bkagent.report import Report
    from bkagent.transport.client.request_log import RequestLog


class StorageConnection(NamedTuple):
    """The connections of one run to the artifact storage.

    pool  closed when `stop` is requested
    stop  ends the run; requested by the caller's cancellation, or by the run itself
    """

    pool: Pool
    stop: Cancellation


class TransferContext(NamedTuple):
    """Made once by a command, or by the phase of a job.

    client        of the control plane
    cwd           the folder that relative paths start at
    environ       names proxies, certificates and the home folder
    user_agent    of requests to the storage
    request_log   reports those requests; None where that is not shown
    cancellation  ends the run
    view          shows how far a transfer has come; lines of `report` do where there is none
    keeps_journal  whether the same upload may be run again after this process was killed
    store_by_job  sends a small artifact by the connection of the job's process; None where there is none
    """

    client: ApiClient
    cwd: str
    environ: Mapping[str, str]
    user_agent: str
    report: Report
    request_log: Optional[RequestLog] = None
    cancellation: Optional[Cancellation] = None
    view: Optional[ProgressView] = None
    keeps_journal: bool = False
    store_by_job: Optional[StoreByJob] = None

    @contextmanager
    def storage(self) -> Iterator[StorageConnection]:
        """Yield the connections of one run; they are closed at its end."""
        pool = Pool("http://localhost", self.environ, request_log=self.request_log)  # used with whole URLs only
        stop = Cancellation()
        stop.on_request(pool.close)
        unsubscribe = self.cancellation.on_request(stop.request) if self.cancellation else None
        try:
            yield StorageConnection(pool, stop)
        finally:
            if unsubscribe:
                unsubscribe()
            pool.close()

    def progress(self, verb: str) -> TransferProgress:
        """Return what counts one transfer; `verb` begins the lines about it: "Uploaded", "Downloaded"."""
        return TransferProgress(self.view or ProgressLines(self.report, verb))

    def for_stores(self, storage: StorageConnection) -> CloudContext:
        """Return what the stores of one run have from us."""
        from bkagent.cloud.cloud_context import CloudContext
        from bkagent.config.paths import home

        return CloudContext(
            storage.pool, self.environ, home(self.environ), self.user_agent, self.report, storage.stop.wait
        )  # fmt: skip
