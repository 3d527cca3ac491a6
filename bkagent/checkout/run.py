"""The checkout that a job gets where no hook does it: clone or reuse, fetch, check out, clean, and try again."""

from __future__ import annotations

from typing import Callable

from bkagent.checkout import attempts, removal
from bkagent.checkout.attempt import attempt
from bkagent.checkout.checkout_settings import SPARSE_MODES, Checkout, bad_sparse_mode
from bkagent.checkout.work import Work, folder
from bkagent.errors import JobFailed
from bkagent.shell.session import Session


def check_out(
    session: Session, settings: Checkout, remember: Callable[[str], None], credential_helper: str = ""
) -> None:
    """Bring the job's folder to the job's commit, with the log that people know.

    `remember` is told each folder to remove when the job ends; `credential_helper` is what git asks for the password of
    the control plane's copy of the repository. Sets BUILDKITE_REPO_MIRROR where mirrors are used.
    Raises JobFailed with git's exit code, -1 after a signal; CheckoutLockExpired; Cancelled.
    """
    if not settings.repository:
        session.log.comment("Skipping checkout, BUILDKITE_REPO is empty")
        return
    if session.which("git") is None:
        raise JobFailed("git, which the checkout needs, is not on the job's PATH", 1)
    work = Work(session, settings, remember, credential_helper)
    if settings.lfs:
        from bkagent.checkout import large_files

        large_files.probe(work)
    if settings.sparse_mode and settings.sparse_mode not in SPARSE_MODES:
        raise JobFailed(bad_sparse_mode(settings.sparse_mode), 1)
    attempts.run(work, attempt)


def remove_old(session: Session) -> None:
    """Remove the checkout that an earlier job left, where a clean one is asked for. Raises JobFailed."""
    session.log.header("Cleaning pipeline checkout")
    removal.remove(session, folder(session))
