"""What an upload would do, without a request."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, List, Optional

from bkagent.artifacts.digests import unreadable
from bkagent.artifacts.stores.table import open_store, without_secrets
from bkagent.artifacts.upload.described_file import sendable
from bkagent.artifacts.upload.upload import find_files
from bkagent.errors import AgentError

if TYPE_CHECKING:
    from bkagent.artifacts.transfer_context import TransferContext
    from bkagent.artifacts.upload.options import UploadOptions


@dataclass(frozen=True)
class PlannedFile:
    """A file that would be uploaded. `url`: where to, "" where the control plane decides."""

    path: str
    size: int
    url: str


@dataclass(frozen=True)
class UploadPlan:
    """What an upload would do. `title` of the store, and its destination, "" for the control plane's own storage.

    problems  of files that cannot be read
    """

    title: str
    destination: str
    files: List[PlannedFile]
    problems: List[AgentError]


def plan_upload(
    context: TransferContext, paths: str, options: UploadOptions, *, scrub: Callable[[List[str]], List[str]]
) -> UploadPlan:
    """Return what `upload` would send, and where to; no request is sent. Raises AgentError as `upload` does."""
    files = find_files(context, paths, options.selection)
    with context.storage() as storage:
        try:
            store = open_store(options.destination, context.for_stores(storage))
        except AgentError as problem:
            raise AgentError(f"creating uploader: {problem}") from problem
        names = scrub([sendable(file.path) for file in files])
        rows, problems = [], []
        for name, file in zip(names, files):
            unread = _problem_of(file.absolute)
            if unread is None:
                rows.append(PlannedFile(name, file.size_for_now, store.url_of(name)))
            else:
                problems.append(unread)
        return UploadPlan(store.title, without_secrets(options.destination), rows, problems)


def _problem_of(path: str) -> Optional[AgentError]:
    """Return why a file cannot be read, None where it can."""
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as problem:
        return unreadable(path, problem)
    return None
