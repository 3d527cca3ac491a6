"""Keep a partial clone complete after a fetch from another address than `origin`.

A fetch with a filter makes git write down that the missing objects can be had from where it fetched (a promisor). The
copy that a job fetched from may be gone tomorrow, so that promise is handed over to `origin` at once. A mark in the
repository's configuration, set before and removed after, lets the next job finish what a killed one left; it is the
reference's, which may use the same checkout.
"""

from __future__ import annotations

from typing import List

from bkagent.checkout.work import Work
from bkagent.git import commands
from bkagent.git.outcome import GitFailed, Kind

MARK = "buildkite.remote-mirror-promisor"


def is_configured(work: Work, url: str) -> bool:
    """Return whether the repository's owner has settings of their own for the address. Raises GitFailed."""
    prefix = f"remote.{url}."
    return any(name.startswith(prefix) and "." not in name[len(prefix) :] for name in _names(work, r"^remote\..*\..*$"))


def mark(work: Work, url: str) -> None:
    """Record that a fetch from the address begins. Raises GitFailed."""
    _configure(work, MARK, _digest(url))


def hand_over(work: Work, url: str) -> None:
    """Make `origin` the promisor instead of the address, even if the job is cancelled meanwhile.

    Raises GitFailed of a kind that removes the checkout: it would miss objects that no remote has.
    """
    with work.session.in_grace():
        try:
            _hand_over(work, url)
        except GitFailed as failed:
            raise _as_unsafe(failed) from failed


def repair(work: Work) -> None:
    """Finish the hand-over of a job that was killed after `mark`. Raises GitFailed as `hand_over` does."""
    try:
        with open(work.path(".git", "config"), encoding="utf-8", errors="surrogateescape") as file:
            if "remote-mirror-promisor" not in file.read():
                return
    except OSError:
        return  # no repository, or one whose configuration is elsewhere: never marked
    try:
        _finish_marked(work)
    except GitFailed as failed:
        raise _as_unsafe(failed) from failed


def setting(work: Work, name: str) -> str:
    """Return a setting of the repository itself, "" if it has none. Raises GitFailed."""
    return _read(work, "--get", name).strip()


def _finish_marked(work: Work) -> None:
    """Hand over from the address whose digest is the mark, if that is a promisor; remove the mark anyway."""
    marked_digest = setting(work, MARK)
    for name in _names(work, r"^remote\..*\.promisor$"):
        url = name[len("remote.") : -len(".promisor")]
        if _digest(url) == marked_digest:
            _hand_over(work, url)
            return
    _forget(work)


def _hand_over(work: Work, url: str) -> None:
    """Do so only for the address that the mark is of, and remove the mark."""
    if setting(work, MARK) != _digest(url):
        return
    if setting(work, f"remote.{url}.promisor"):
        # In this order: cut short anywhere, the objects are always promised.
        filter_spec = setting(work, f"remote.{url}.partialclonefilter")
        _configure(work, "remote.origin.promisor", "true")
        if filter_spec:
            _configure(work, "remote.origin.partialclonefilter", filter_spec)
        _configure(work, "--remove-section", f"remote.{url}")
    _forget(work)


def _forget(work: Work) -> None:
    if setting(work, MARK):
        _configure(work, "--unset-all", MARK)


def _names(work: Work, pattern: str) -> List[str]:
    """Return the names of settings that fit a pattern. The values follow a line break, the entries end in NUL."""
    printed = _read(work, "--null", "--get-regexp", pattern)
    return [entry.partition("\n")[0] for entry in printed.split("\0") if entry]


def _configure(work: Work, *arguments: str) -> None:
    work.capture(commands.local_setting(*arguments), hidden=True)


def _read(work: Work, *arguments: str) -> str:
    try:
        return work.capture(commands.local_setting(*arguments), hidden=True)
    except GitFailed as failed:
        if failed.exit_code == 1 and not failed.signal:
            return ""  # the setting does not exist
        raise


def _digest(url: str) -> str:
    import hashlib  # few jobs have such a copy

    return hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()


def _as_unsafe(failed: GitFailed) -> GitFailed:
    text = f"fetching the objects that the remote Git mirror promised: {failed}"
    return GitFailed(text, failed.exit_code, Kind.FETCH_RETRY_CLEAN, failed.was_retried, failed.signal)
