"""Download artifacts of a build into a folder, several at a time, each whole or not at all."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

from bkagent.artifacts.destination_folder import DestinationFolder, open_folder
from bkagent.artifacts.download_paths import case_clashes
from bkagent.artifacts.stores.download_stores import DownloadStores
from bkagent.artifacts.stores.store import ArtifactStore, FetchedHead
from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
from bkagent.errors import AgentError, Cancelled, Refused, Unreachable
from bkagent.remote import artifacts as records
from bkagent.shell.cancellation import Cancellation
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.transport.retry import Schedule, constant, retry
from bkagent.wire.artifacts import Artifact
from bkagent.wire.human_size import format_size
from bkagent.wire.shown_text import one_line

FETCH = constant(5, 5.0)
_WORKERS_COUNT = 32


@dataclass(frozen=True)
class Query:
    """What to download. `scope` is a step's key, label or id, or a job's id; "" for the whole build.

    may_leave_folder  follow links below the destination and ".." in paths, as version 3 of the reference once did
    """

    build_id: str
    text: str
    scope: str = ""
    include_retried_jobs: bool = False
    may_leave_folder: bool = False


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
        failed_count = _Downloads(context, storage, destination_folder, schedule).run(artifacts)
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
        destination_folder: DestinationFolder,
        schedule: Schedule,
    ) -> None:
        self._stores, self._stop, self._place = (
            DownloadStores(context, storage, schedule),
            storage.stop,
            destination_folder,
        )
        self._report, self._schedule = context.report, schedule
        self._clashes: Dict[str, str] = {}

    def run(self, artifacts: List[Artifact]) -> int:
        """Fetch all; return how many could not be fetched."""
        self._clashes = case_clashes([artifact.path for artifact in artifacts]) if ON_WINDOWS else {}
        workers_count = min(_WORKERS_COUNT, 10 * (os.cpu_count() or 1), len(artifacts))
        with ThreadPoolExecutor(workers_count, thread_name_prefix="artifact-fetcher") as workers:
            try:
                return sum(not arrived for arrived in workers.map(self._fetch, artifacts))
            except KeyboardInterrupt:
                self._stop.request()
                raise

    def _fetch(self, artifact: Artifact) -> bool:
        path = artifact.path.replace("\\", "/")
        name = one_line(path)
        if self._stop.requested:
            return False
        try:
            if artifact.path in self._clashes:
                earlier = one_line(self._clashes[artifact.path])
                raise AgentError(f'"{earlier}" is the same file here, since Windows tells no case apart')
            parts = self._place.steps_to(path)
            goal = self._place.path_of(parts)
            self._report("debug", f"Downloading {one_line(artifact.id)} to {one_line(goal)}")
            store = self._stores.store_of(artifact)
            size, sha256 = retry(
                lambda number: self._place.write(parts, lambda write: _receive(store, artifact, write)),
                self._schedule, wait=self._stop.wait, report=self._report, what=name, may_retry=self._may_retry,
            )  # fmt: skip
        except Cancelled:
            return False
        except AgentError as problem:
            self._report("error", f'Failed to download "{name}": {problem}')
            return False
        self._report("info", f'Successfully downloaded "{name}" {format_size(size)} with SHA256 {sha256}')
        return True

    def _may_retry(self, error: Exception) -> bool:
        return not self._stop.requested and isinstance(error, (Unreachable, Refused))


def _receive(store: ArtifactStore, artifact: Artifact, write: Callable[[bytes], None]) -> Tuple[int, str]:
    digest, size, is_as_uploaded = hashlib.sha256(), 0, True

    def take(data: bytes) -> None:
        nonlocal size
        digest.update(data)
        size += len(data)
        write(data)

    def receive(head: FetchedHead) -> Callable[[bytes], None]:
        nonlocal is_as_uploaded
        is_as_uploaded = not head.decompressed
        return take

    store.fetch(artifact, receive)
    actual, expected = digest.hexdigest(), artifact.sha256
    if expected and actual != expected and is_as_uploaded:
        raise Unreachable(f"checksum of downloaded content {actual} != uploaded checksum {expected}")
    return size, actual
