"""Fetch the job's commit by the narrowest refspec that works."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List, Optional, Sequence

from bkagent.checkout import promisor, sparse
from bkagent.checkout.checkout_settings import flags_of, words
from bkagent.checkout.mirrors.remote_mirror import MirrorSite
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled
from bkagent.git import commands, outcome
from bkagent.git.flags import has_filter
from bkagent.git.outcome import GitFailed, Kind
from bkagent.git.references import is_branch_name
from bkagent.transport import retry

# A pull request's ref appears a while after its event: the pauses of ten tries add up to 87 s, before jitter.
PATIENT = retry.subsecond(10, 1.0, jitter=(0.0, 1.0))
ONCE = retry.constant(1, 0.0)
_NO_MERGE = "The pull request conflicts with its base branch, or GitHub has not created its merge commit yet."


def fetch(work: Work, selection: Optional[sparse.SparseCheckout]) -> None:
    """Fetch the job's commit into FETCH_HEAD, unless the repository already has it. Raises GitFailed."""
    session, settings = work.session, work.settings
    commit = settings.commit
    promisor.repair(work)
    may_skip = settings.skips_fetch_of_existing or work.remote.is_hit
    if may_skip and commit != "HEAD" and work.has_commit(commit, ".git"):
        session.log.comment(f'Commit "{commit}" already exists locally, skipping fetch')
        return
    flags = fetch_flags(work, selection)
    if settings.refspec:
        session.log.comment("Fetch and checkout custom refspec")
        doing = f'fetching refspec "{settings.refspec}"'
        run(work, commands.fetch(flags, words(settings.refspec, doing)), ONCE, doing=doing)
    elif is_github_pull_request(work):
        _fetch_pull_request(work, flags)
    elif commit == "HEAD":
        session.log.comment("Fetch and checkout remote branch HEAD commit")
        fetch_branch(work, flags, doing=f'fetching branch "{settings.branch}"')
    elif not _fetch_from_copy(work, flags):
        session.log.comment("Fetch and checkout commit")
        _fetch_or_everything(work, flags, [commit], doing=f'fetching commit "{commit}"')


def fetch_branch(work: Work, flags: Sequence[str], git_dir: str = "", *, doing: str) -> None:
    """Fetch the tip of the job's branch, whatever else has that name; without a branch, what git fetches by itself.

    Where there is no such branch, what the remote has of that name: builds of tags may name one as their branch. A name
    that starts with `refs/` is a whole one. Raises GitFailed, Cancelled.
    """
    branch = work.settings.branch
    if not branch:
        run(work, commands.fetch(flags, [], git_dir), ONCE, doing=doing)
        return
    if not is_branch_name(branch):
        raise _final_failure(f'"{branch}" is not a valid name of a branch', doing)
    whole = branch if branch.startswith("refs/") else "refs/heads/" + branch
    if branch == work.settings.tag:
        whole = "refs/tags/" + branch
    try:
        run(work, commands.fetch(flags, [whole], git_dir), ONCE, doing=doing)
    except GitFailed as failed:
        if failed.kind is not Kind.BAD_REFERENCE or whole == branch or branch.startswith(("-", "+", "^")):
            raise
        work.session.log.comment(f'"{whole}" does not exist, trying "{branch}"')
        run(work, commands.fetch(flags, [branch], git_dir), ONCE, doing=doing)


def _fetch_from_copy(work: Work, flags: List[str]) -> bool:
    """Fetch the commit from the control plane's copy of the repository, if it offers one; return whether it had it."""
    if not work.remote.awaits(MirrorSite.EXISTING):
        return False
    from bkagent.checkout.mirrors import remote_probe  # few jobs have such a copy

    return remote_probe.fetch(work, flags)


def fetch_flags(work: Work, selection: Optional[sparse.SparseCheckout]) -> List[str]:
    """Return the fetch flags. A sparse checkout fetches only its own files, unless a filter is given."""
    flags = flags_of("git-fetch-flags", work.settings.fetch_flags)
    cloned_with = flags_of("git-clone-flags", work.settings.clone_flags)
    if selection is not None and not has_filter(flags) and not has_filter(cloned_with):
        flags.insert(0, commands.NO_BLOBS)
    return flags


def is_github_pull_request(work: Work) -> bool:
    """Return whether the commit is reached by a ref that GitHub makes for each pull request."""
    return work.settings.pull_request != "false" and "github" in work.settings.provider


def pull_request_refspec(work: Work) -> str:
    """Return the ref of the pull request: its head or its merge. Raises GitFailed for an invalid number."""
    refspec = f"refs/pull/{work.settings.pull_request}/{'merge' if work.settings.uses_merge_refspec else 'head'}"
    if not is_branch_name(refspec):
        raise _final_failure(
            f'BUILDKITE_PULL_REQUEST is "{work.settings.pull_request}", which is not the number of a pull request'
        )
    return refspec


def pull_request_schedule(work: Work) -> retry.Schedule:
    """Return how often to fetch the ref of the pull request: a missing merge usually stays missing."""
    return ONCE if work.settings.uses_merge_refspec else PATIENT


@contextmanager
def hint_at_conflict(work: Work) -> Iterator[None]:
    """Add a hint on why GitHub has no merge commit to a GitFailed of the block, if the job builds one."""
    try:
        yield
    except GitFailed as failed:
        raise failed.with_hint(_NO_MERGE) if work.settings.uses_merge_refspec else failed


def _final_failure(text: str, doing: str = "") -> GitFailed:
    """Return a failure that keeps the checkout and is not retried."""
    return GitFailed(f"{doing}: {text}" if doing else text, 1, Kind.FETCH, was_retried=True)


def run(work: Work, argv: Sequence[str], schedule: retry.Schedule, *, doing: str) -> None:
    """Fetch, and retry after a pause while the ref does not exist yet. Raises GitFailed, Cancelled."""
    was_retried = schedule.tries > 1
    for number in range(schedule.tries):
        try:
            work.run(argv, outcome.FETCH, doing=doing)
            return
        except GitFailed as failed:
            failure = failed.after_retries() if was_retried else failed
        is_last = number + 1 == schedule.tries
        pause_s = 0.0 if is_last else schedule.pause(number)
        if failure.kind is Kind.BAD_REFERENCE:
            work.session.log.comment(retry.describe(number, schedule.tries, pause_s))
        elif failure.kind is not Kind.FETCH:
            raise failure
        if is_last:
            raise failure
        if work.session.cancellation.wait(pause_s):
            raise Cancelled("the checkout was cancelled while waiting to fetch again")


def _fetch_pull_request(work: Work, flags: List[str]) -> None:
    session, settings = work.session, work.settings
    what = "merge commit" if settings.uses_merge_refspec else "head"
    session.log.comment(f"Fetch and checkout pull request {what} from GitHub")
    refspec = pull_request_refspec(work)
    if settings.commit != "HEAD":
        if _fetch_from_copy(work, flags):
            return
        doing = f'fetching PR refspec ["{refspec}" "{settings.commit}"]'
        with hint_at_conflict(work):
            _fetch_or_everything(work, flags, [refspec, settings.commit], doing=doing)
    else:
        doing = f'fetching PR refspec ["{refspec}"]'
        with hint_at_conflict(work):
            run(work, commands.fetch(flags, [refspec]), pull_request_schedule(work), doing=doing)
        if settings.uses_merge_refspec and settings.pull_request_head:
            _check_merged_head(work)
    try:
        fetched = work.capture(commands.resolve("FETCH_HEAD"), hidden=True).strip()
        session.log.comment(f"FETCH_HEAD is now `{fetched}`")
    except GitFailed:
        pass  # told for the reader only


def _check_merged_head(work: Work) -> None:
    """Check that GitHub merged the job's commit, not an earlier one. Raises GitFailed."""
    expected = work.settings.pull_request_head
    head, _, _ = work.capture(commands.show_commit("FETCH_HEAD"), doing="reading the merge commit").partition("\n\n")
    parents = [line.partition(" ")[2] for line in head.splitlines() if line.startswith("parent ")]
    if len(parents) < 2 or parents[1] != expected:
        merged = parents[1] if len(parents) > 1 else "nothing"
        raise GitFailed(f'the merge commit of the pull request merges {merged}, not "{expected}"', 1, Kind.FETCH)


def _fetch_commit_alone(work: Work, flags: List[str], commit: str, doing: str) -> bool:
    """Fetch the commit of a pull request whose ref no longer exists; return whether the remote still has it."""
    work.session.log.comment("The ref of the pull request no longer exists, trying its commit alone")
    try:
        run(work, commands.fetch(flags, [commit]), ONCE, doing=doing)
    except GitFailed:
        return False
    return True


def _fetch_or_everything(work: Work, flags: List[str], refspecs: List[str], *, doing: str) -> None:
    """Fetch `refspecs`; if the remote refuses single commits, fetch all branches and tags."""
    within = f"{doing}: fetching refspecs [{' '.join(refspecs)}]"
    split = [word for refspec in refspecs for word in words(refspec, within)]
    try:
        run(work, commands.fetch(flags, split), ONCE, doing=within)
    except GitFailed as failed:
        if failed.kind is not Kind.BAD_REFERENCE:
            raise
    else:
        return
    if len(refspecs) > 1 and _fetch_commit_alone(work, flags, refspecs[-1], within):
        return
    work.session.log.comment("Some refspec fetches failed, trying to fetch all heads and tags")
    heads = work.capture(commands.fetch_refspec(), doing=f"{doing}: reading the refspec of origin").strip()
    everything = commands.fetch(flags, [heads, commands.ALL_TAGS])
    run(work, everything, PATIENT, doing=f"{doing}: fetching all heads and tags")
