"""The stores that the artifacts of a download are in, each opened and prepared once."""

from __future__ import annotations

import threading

from bkagent.artifacts.stores.table import is_destination, open_store
from bkagent.errors import AgentError
from bkagent.transport.retry import retry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
    from bkagent.transport.retry import Schedule
    from bkagent.wire.artifacts import Artifact


class DownloadStores:
    """Thread-safe; while one store is prepared, everyone who asks for a store waits."""

    def __init__(self, context: TransferContext, storage: StorageConnection, schedule: Schedule) -> None:
        self._context, self._storage, self._schedule = context, storage, schedule
        self._lock = threading.Lock()
        self._stores: Dict[str, ArtifactStore] = {}
        self._problems: Dict[str, AgentError] = {}

    def store_of(self, artifact: Artifact) -> ArtifactStore:
        """Return the store of an artifact. Raises AgentError, the same for each artifact of a store."""
        # As the reference does with what it does not know: the record's URL may still lead there.
        destination = artifact.upload_destination if is_destination(artifact.upload_destination) else ""
        with self._lock:
            if destination in self._problems:
                raise self._problems[destination]
            if destination not in self._stores:
                try:
                    self._stores[destination] = self._prepared(destination)
                except AgentError as problem:
                    self._problems[destination] = problem
                    raise
            return self._stores[destination]

    def _prepared(self, destination: str) -> ArtifactStore:
        store = open_store(destination, self._context.for_stores(self._storage))
        retry(
            lambda number: store.prepare(), self._schedule, wait=self._storage.stop.wait, report=self._context.report,
            what=store.title,
        )  # fmt: skip
        return store
