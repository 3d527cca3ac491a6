"""The default checkout, without a checkout hook: clone or reuse, fetch, check out, clean, and retry."""

from __future__ import annotations

from typing import Callable

from bkagent.checkout import attempts, removal
from bkagent.checkout.attempt import attempt
from bkagent.checkout.checkout_folder import folder
from bkagent.checkout.checkout_settings import SPARSE_MODES, Checkout, bad_sparse_mode
from bkagent.checkout.work import Work
from bkagent.errors import JobFailed
from bkagent.shell.session import Session


def check_out(
    session: Session, settings: Checkout, remember: Callable[[str], None], credential_helper: str = ""
) -> None:
    """Check out the job's commit in the job's folder.

    `remember` is called with each folder to remove when the job ends; `credential_helper` gives git
    the password of the control plane's copy of the repository. Sets BUILDKITE_REPO_MIRROR if mirrors are used.
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
    """Remove an earlier job's checkout if a clean one was requested. Raises JobFailed."""
    session.log.header("Cleaning pipeline checkout")
    removal.remove(session, folder(session))
