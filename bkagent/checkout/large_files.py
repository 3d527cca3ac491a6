"""Git LFS files: fetched and checked out after the checkout."""

from __future__ import annotations

from typing import List, Optional

from bkagent.checkout.sparse import SparseCheckout
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, JobFailed
from bkagent.git import lfs_commands, outcome, sparse_commands
from bkagent.git.outcome import GitFailed
from bkagent.transport import retry

_SCHEDULE = retry.subsecond(5, 1.0, jitter=(0.0, 1.0))
# The longest command line of Windows is 32 KiB, that of others 128 KiB and more.
_BATCH_COUNT = 1000


def probe(work: Work) -> None:
    """Raise JobFailed if Git LFS is not installed: a retry would not find it either."""
    try:
        work.capture(lfs_commands.probe())
    except JobFailed as failed:
        raise JobFailed(f"Git LFS is enabled, but `git lfs version` failed: {failed}", failed.exit_code) from failed


def install(work: Work) -> None:
    """Register the filter of LFS in the checkout. Raises GitFailed."""
    work.run(lfs_commands.install(), outcome.LFS, doing="installing Git LFS")


def check_out(work: Work, selection: Optional[SparseCheckout]) -> None:
    """Fetch and check out the commit's LFS files, as far as the sparse checkout includes them.

    Raises GitFailed, Cancelled.
    """
    for number in range(_SCHEDULE.tries):
        try:
            _fetch_and_check_out(work, selection)
            return
        except GitFailed as failed:
            if number + 1 == _SCHEDULE.tries:
                raise failed.after_retries()
            pause_s = _SCHEDULE.pause(number)
            work.session.log.comment(f"{failed} ({retry.describe(number, _SCHEDULE.tries, pause_s)})")
        if work.session.cancellation.wait(pause_s):
            raise Cancelled("the checkout was cancelled while waiting for Git LFS")


def _fetch_and_check_out(work: Work, selection: Optional[SparseCheckout]) -> None:
    if selection is not None and selection.cone:
        work.run(lfs_commands.fetch(selection.paths), outcome.LFS, doing="fetching LFS files")
        work.run(lfs_commands.checkout(selection.paths), outcome.LFS, doing="checking out LFS files")
        return
    work.run(lfs_commands.fetch(), outcome.LFS, doing="fetching LFS files")
    if selection is None:
        work.run(lfs_commands.checkout(), outcome.LFS, doing="checking out LFS files")
        return
    names = _kept_names(work)
    work.session.log.comment(f"Checking out {len(names)} LFS files within the sparse checkout")
    for start in range(0, len(names), _BATCH_COUNT):
        batch = names[start : start + _BATCH_COUNT]
        work.run(lfs_commands.checkout(batch), outcome.LFS, doing="checking out LFS files")


def _kept_names(work: Work) -> List[str]:
    """Return the LFS files that the sparse checkout includes."""
    try:
        names = work.capture(lfs_commands.names()).splitlines()
        states = work.capture(sparse_commands.file_states()).split("\0")
    except GitFailed as failed:
        raise GitFailed(f"listing LFS files: {failed}", failed.exit_code, outcome.Kind.LFS) from failed
    left_out = {state[2:] for state in states if state.startswith("S ")}
    return [name for name in names if name not in left_out]
