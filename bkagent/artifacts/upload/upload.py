"""Upload files as artifacts of a job: find them, read their checksums, create their records, send them, report them.

These steps overlap: the files of later batches are read while earlier ones are sent, a batch's records are created
while the batch before it is sent, and every second the control plane learns what has arrived.
"""

from __future__ import annotations

import time

from bkagent.artifacts.stores.table import open_store, without_secrets
from bkagent.artifacts.transfer_context import StorageConnection, TransferContext
from bkagent.artifacts.upload.finding.collect import MatchedFile, Selection, collect
from bkagent.artifacts.upload.journal.upload_journal import UploadJournal
from bkagent.artifacts.upload.run import UploadRun
from bkagent.config.paths import tilde_home
from bkagent.errors import AgentError, Cancelled
from bkagent.transport.retry import retry
from bkagent.wire.go_duration import format_precise
from bkagent.wire.go_quoted import go_quote
from bkagent.wire.shown_text import one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List

    from bkagent.artifacts.stores.store import ArtifactStore
    from bkagent.artifacts.upload.options import UploadOptions


def upload(
    context: TransferContext,
    job_id: str,
    paths: str,
    options: UploadOptions,
    *,
    scrub: Callable[[List[str]], List[str]] = lambda texts: texts,
) -> int:
    """Upload the files that `paths` names; return how many.

    `scrub` takes out of paths what must not leave the job. Raises AgentError saying what went wrong, Cancelled when the
    context's cancellation is requested meanwhile; what has been sent until then stays.
    """
    began, report = time.monotonic(), context.report
    files = find_files(context, paths, options.selection)
    if not files:
        return 0
    with context.storage() as storage:
        store = _prepared_store(context, storage, options)
        if options.destination:
            shown = go_quote(without_secrets(options.destination))
            text = f"Uploading to {store.title} ({shown}), using your agent configuration"
        else:
            text = f"Uploading to {store.title}"
        report("info", text)
        run = (context.client.endpoint, job_id, options.destination, context.cwd, paths)
        journal = UploadJournal(context.environ, run, report, is_of_use=context.keeps_journal)
        collect_s = time.monotonic() - began
        UploadRun(context, storage, store, journal, job_id, options, scrub, files, collect_s=collect_s).run()
    return len(files)


def find_files(context: TransferContext, paths: str, selection: Selection) -> List[MatchedFile]:
    """Return the files that `paths` names, and report how many. Raises AgentError."""
    began, report = time.monotonic(), context.report
    report("debug", f"Searching for {one_line(paths)}")
    try:
        files = collect(paths, selection, cwd=context.cwd, home=tilde_home(context.environ), report=report)
    except AgentError as problem:
        raise AgentError(f"collecting artifacts: {problem}") from problem
    report("debug", f"Artifact path discovery finished in {format_precise(time.monotonic() - began)}")
    if not files:
        report("info", f"No files matched paths: {paths}")
    else:
        report("info", f'Found {len(files)} files that match "{paths}"')
    return files


def _prepared_store(context: TransferContext, storage: StorageConnection, options: UploadOptions) -> ArtifactStore:
    """Return the store of the destination once it can be used. Raises AgentError, Cancelled."""
    try:
        store = open_store(options.destination, context.for_stores(storage))
        retry(
            lambda number: store.prepare(), options.preparation, wait=storage.stop.wait, report=context.report,
            what=store.title,
        )  # fmt: skip
    except Cancelled:
        raise
    except AgentError as problem:
        raise AgentError(f"creating uploader: {problem}") from problem
    return store
