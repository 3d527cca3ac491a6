"""Download artifacts of a build into a folder, several at a time, each whole or not at all."""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack, closing
from functools import partial

from bkagent.artifacts.download.destination_folder import DestinationFolder, open_folder
from bkagent.artifacts.download.open_stores import DownloadStores
from bkagent.artifacts.download.plan import PlannedDownload, plan
from bkagent.artifacts.download.small_downloads import SmallDownloads, is_small
from bkagent.artifacts.download.write_errors import NoRoomForFile
from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
from bkagent.errors import AgentError, Cancelled, Refused, Unreachable, WireError
from bkagent.named_tuple import NamedTuple
from bkagent.remote.commands import artifacts as records
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.retry import Schedule, constant, retry
from bkagent.wire.artifacts import Artifact
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from typing import Callable, List, Optional, Sequence, Tuple

    from bkagent.artifacts.download.artifact_file import ArtifactFile
    from bkagent.artifacts.stores.store import ArtifactStore

FETCH = constant(5, 5.0)
_WORKERS_COUNT = 32
_RANGE_THREADS_COUNT = 32  # started as they are needed, by stores whose large artifacts come in ranges


class Query(NamedTuple):
    """What to download. `scope` is a step's key, label or id, or a job's id; "" for the whole build.

    may_leave_folder  follow links below the destination and ".." in paths, as version 3 of the reference once did
    skip_existing     a file that is there with the artifact's size and SHA-256 is not downloaded again
    """

    build_id: str
    text: str
    scope: str = ""
    include_retried_jobs: bool = False
    may_leave_folder: bool = False
    skip_existing: bool = False


def download(context: TransferContext, query: Query, destination: str, schedule: Schedule = FETCH) -> int:
    """Download what the query finds below `destination`, an existing folder; return how many.

    Raises AgentError when nothing is found, or after everything has been tried and something is missing, and Cancelled
    when the context's cancellation is requested meanwhile.
    """
    folder = os.path.abspath(os.path.join(context.cwd, destination))
    with closing(open_folder(folder)) as root, context.storage() as storage:
        artifacts = _search(context, query, storage.stop)
        context.report("info", f"Found {len(artifacts)} artifacts. Starting to download to: {folder}")
        destination_folder = DestinationFolder(root, folder, query.may_leave_folder)
        planned = plan(artifacts, destination_folder, context.report)
        failed_count = _Downloads(context, storage, destination_folder, schedule, query.skip_existing).run(planned)
        if storage.stop.requested:
            raise Cancelled("the artifact download was stopped")
    if failed_count:
        raise AgentError("there were errors downloading some of the artifacts")
    return len(artifacts)


def _search(context: TransferContext, query: Query, stop: Cancellation) -> List[Artifact]:
    within = f' within step: "{query.scope}"' if query.scope else ""
    context.report("info", f'Searching for artifacts: "{query.text}"{within}')
    artifacts = records.search(
        context.client, query.build_id, query.text, scope=query.scope, include_retried_jobs=query.include_retried_jobs,
        wait=stop.wait, report=context.report,
    )  # fmt: skip
    if not artifacts:
        raise AgentError("no artifacts found for downloading")
    return artifacts


class _Downloads:
    """The transfers of one run."""

    def __init__(
        self,
        context: TransferContext,
        storage: StorageConnection,
        folder: DestinationFolder,
        schedule: Schedule,
        skip_existing: bool,
    ) -> None:
        self._stores, self._stop = DownloadStores(context, storage, schedule), storage.stop
        self._folder, self._skips_existing = folder, skip_existing
        self._report, self._schedule = context.report, schedule
        self._progress = context.progress("Downloaded")
        self._pool, self._user_agent = storage.pool, context.user_agent
        self._without_room: List[Tuple[PlannedDownload, AgentError]] = []
        self._threads = ExitStack()  # of what is not small: they are loaded and started when the first one comes
        self._lock = threading.Lock()
        self._workers: Optional[ThreadPoolExecutor] = None
        self._range_threads: Optional[ThreadPoolExecutor] = None
        self._threads.callback(self._end_range_threads)

    def run(self, planned: Sequence[PlannedDownload]) -> int:
        """Download all; return how many could not be downloaded."""
        self._progress.expect(len(planned), lambda: sum(each.artifact.size for each in planned))
        with self._threads:
            try:
                arrivals = self._begin(planned)
                return sum(not arrived() for arrived in arrivals) + self._fill_room()
            except KeyboardInterrupt:
                self._stop.request()
                raise
            finally:
                self._progress.end()

    def _begin(self, planned: Sequence[PlannedDownload]) -> List[Callable[[], bool]]:
        """Have workers download what is large, and download here what is small; return what says of each if it came."""
        arrivals: List[Callable[[], bool]] = []
        small: List[PlannedDownload] = []

        def put(download: PlannedDownload, content: bytes, sha256: str) -> None:
            if not self._arrives(download, partial(self._write, download, content, sha256)):
                arrivals.append(lambda: False)

        def start(download: PlannedDownload) -> None:
            arrivals.append(self._submit(download, len(planned)))

        for download in planned:
            if not is_small(download):
                start(download)
            elif self._is_skipped(download):
                self._progress.end_file()
            else:
                small.append(download)
        SmallDownloads(self._pool, self._user_agent, put, start).run(small)
        return arrivals

    def _submit(self, download: PlannedDownload, count: int) -> Callable[[], bool]:
        """Have a worker download one of `count` artifacts; return what says if it came."""
        if self._workers is None:
            from concurrent.futures import ThreadPoolExecutor

            workers_count = min(_WORKERS_COUNT, 10 * (os.cpu_count() or 1), count)
            workers = ThreadPoolExecutor(workers_count, thread_name_prefix="artifact-fetcher")
            self._workers = self._threads.enter_context(workers)
        return self._workers.submit(self._arrives, download).result

    def _threads_of_ranges(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._range_threads is None:
                from concurrent.futures import ThreadPoolExecutor

                self._range_threads = ThreadPoolExecutor(_RANGE_THREADS_COUNT, thread_name_prefix="artifact-range")
            return self._range_threads

    def _end_range_threads(self) -> None:
        if self._range_threads is not None:
            self._range_threads.shutdown()

    def _fill_room(self) -> int:
        """Try again what had no room beside others, the smallest first but not the largest; return how many failed."""
        without_room = sorted(self._without_room, key=lambda pair: pair[0].artifact.size)
        self._without_room = without_room[-1:]
        failed_count = sum(not self._arrives(planned) for planned, _ in without_room[:-1])
        for planned, problem in self._without_room:
            self._report_failure(planned, problem)
        return failed_count + len(self._without_room)

    def _arrives(self, planned: PlannedDownload, put: Optional[Callable[[], None]] = None) -> bool:
        """Download one artifact, or have its file put there; return whether that is there, or waits for room."""
        if self._stop.requested:
            return False
        try:
            if put is None:
                self._download(planned)
            else:
                put()
            is_there = True
        except Cancelled:
            return False
        except NoRoomForFile as problem:
            self._without_room.append((planned, problem))
            return True
        except AgentError as problem:
            self._report_failure(planned, problem)
            is_there = False
        self._progress.end_file()
        return is_there

    def _report_failure(self, planned: PlannedDownload, problem: AgentError) -> None:
        self._report("error", f'Failed to download "{planned.name}": {problem}')

    def _is_skipped(self, planned: PlannedDownload) -> bool:
        """Return whether its file need not be downloaded, and say so."""
        artifact = planned.artifact
        if not self._skips_existing or not self._folder.holds(planned.parts, artifact.size, artifact.sha256):
            return False
        what = f"SHA256 {artifact.sha256}" if artifact.sha256 else "size; its checksum is not known"
        self._progress.add(artifact.size)
        self._report("info", f'Skipped "{planned.name}": the file is there already, with the same {what}')
        return True

    def _write(self, planned: PlannedDownload, content: bytes, sha256: str) -> None:
        """Write an artifact whose content has come."""
        self._report_goal(planned)
        self._folder.write_file(planned.parts, content)
        self._progress.add(len(content))
        self._report_success(planned, len(content), sha256)

    def _download(self, planned: PlannedDownload) -> None:
        """Download an artifact unless its file need not be downloaded."""
        if planned.problem:
            raise AgentError(planned.problem)
        if self._is_skipped(planned):
            return
        self._report_goal(planned)
        with self._folder.new_file(planned.parts, planned.kept_name, self._progress.add) as file:
            self._fetch(planned, self._stores.store_of(planned.artifact), file)
            file.put()
            size, sha256 = file.size, file.sha256
        self._report_success(planned, size, sha256)

    def _report_goal(self, planned: PlannedDownload) -> None:
        goal = one_line(self._folder.path_of(planned.parts))
        self._report("debug", f"Downloading {one_line(planned.artifact.id)} to {goal}")

    def _report_success(self, planned: PlannedDownload, size: int, sha256: str) -> None:
        self._report("info", f'Successfully downloaded "{planned.name}" {format_size(size)} with SHA256 {sha256}')

    def _fetch(self, planned: PlannedDownload, store: ArtifactStore, file: ArtifactFile) -> None:
        """Fill a file, in several tries if need be; keep what has come in vain where a later run can use it."""
        from bkagent.artifacts.download.artifact_fetch import ArtifactFetch

        fetch = ArtifactFetch(store, planned.artifact, file, self._threads_of_ranges)
        if file.size:
            self._report("info", f'Resuming the download of "{planned.name}" after {format_size(file.size)}')
        try:
            retry(
                lambda number: fetch.attempt(), self._schedule, wait=self._stop.wait, report=self._report,
                what=planned.name, may_retry=self._may_retry,
            )  # fmt: skip
        except (Unreachable, Refused, WireError, Cancelled):
            if planned.kept_name and fetch.may_resume:
                file.keep()
                self._report(
                    "info", f'{format_size(file.size)} of "{planned.name}" are kept for the next download of it'
                )
            raise

    def _may_retry(self, error: Exception) -> bool:
        return not self._stop.requested and isinstance(error, (Unreachable, Refused, WireError))
