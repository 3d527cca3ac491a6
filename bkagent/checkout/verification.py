"""Verify that a commit is on the build's branch."""

from __future__ import annotations

from typing import List, Optional

from bkagent.checkout.checkout_settings import flags_of
from bkagent.checkout.work import Work
from bkagent.errors import Cancelled, JobFailed
from bkagent.git import commands, outcome
from bkagent.git.flags import for_verification
from bkagent.git.outcome import GitFailed
from bkagent.transport import retry

_SCHEDULE = retry.subsecond(3, 1.0, jitter=(0.0, 1.0))
# A shallow clone may not reach back to the commit: look, fetch more, look again, fetch all.
_DEEPENINGS = ("", "--deepen=50", "--unshallow")
_FAIL_CLOSED, _OFF = "fail-closed", "off"
# Modes per version; the first is that of an empty setting.
_MODES = {False: (_OFF, "warn", "strict", _FAIL_CLOSED), True: ("strict", _OFF, _FAIL_CLOSED)}


class VerificationFailed(JobFailed):
    """The commit could not be verified to be on the branch: neither a retry nor a fresh clone helps."""


class _Unavailable(Exception):
    """Verification was not possible."""


def verify(work: Work) -> None:
    """Verify the fetched commit as the mode demands. Raises VerificationFailed, Cancelled.

    If that is not possible, `strict` only warns, as in the reference; `fail-closed` fails.
    """
    settings, log = work.settings, work.session.log
    modes = _MODES[settings.is_v4]
    mode = settings.commit_verification or modes[0]
    if mode not in modes:
        legal = ", ".join(f'"{known}"' for known in modes)
        raise VerificationFailed(f'invalid git commit verification mode "{mode}" (must be one of {legal})', 1)
    if mode == _OFF and not settings.commit_verification:
        return
    reason = _skip_reason(work, mode)
    if reason:
        log.comment(f"Skipping commit verification: {reason}")
        return
    commit, branch = settings.commit, settings.branch
    log.comment(f'Verifying commit "{commit}" is on branch "{branch}"')
    try:
        try:
            is_on_branch = _is_on_branch(work)
        finally:
            _delete_tip(work)
    except _Unavailable as problem:
        sentence = f"commit verification unavailable: {problem}"
        if mode == _FAIL_CLOSED:
            raise VerificationFailed(sentence, 1) from problem
        log.warning(sentence)
        return
    if is_on_branch:
        return
    sentence = f'commit verification failed: commit "{commit}" is not on branch "{branch}"'
    if mode != "warn":
        raise VerificationFailed(sentence, 1)
    log.warning(sentence)


def _skip_reason(work: Work, mode: str) -> str:
    settings = work.settings
    reasons = (
        (mode == _OFF, "mode is off"),
        (settings.commit == "HEAD", "commit is HEAD"),
        (not settings.branch, "no branch"),
        (bool(settings.tag), f"tag build ({settings.tag})"),
        (settings.pull_request not in ("", "false"), f"pull request build (#{settings.pull_request})"),
        (bool(settings.refspec), f"custom refspec is set ({settings.refspec})"),
    )
    return next((reason for holds, reason in reasons if holds), "")


def _is_on_branch(work: Work) -> bool:
    for deepening in _DEEPENINGS:
        if deepening:
            work.session.log.comment(f"Deepening checkout to verify commit ({deepening})...")
        tip = _fetch_tip(work, deepening)
        try:
            work.run(commands.is_ancestor(work.settings.commit, tip))
            return True
        except GitFailed as failed:
            code = failed.exit_code
        if _output_of(work, commands.is_shallow()) != "true":
            if code == 1:
                return False
            raise _Unavailable(f"git could not compare the commit with the branch: exit status {code}")
    raise _Unavailable("the fetched history does not reach the commit")


def _fetch_tip(work: Work, deepening: str) -> str:
    flags = for_verification(flags_of("git-fetch-flags", work.settings.fetch_flags))
    refspec = f"+refs/heads/{work.settings.branch}:{commands.VERIFICATION_REF}"
    argv = commands.fetch([*flags, deepening] if deepening else flags, [refspec])
    for number in range(_SCHEDULE.tries):
        failure = _failure(work, argv)
        if failure is None:
            break
        if number + 1 == _SCHEDULE.tries:
            raise _Unavailable(f'unable to fetch branch "{work.settings.branch}": {failure}')
        if work.session.cancellation.wait(_SCHEDULE.pause(number)):
            raise Cancelled("the checkout was cancelled while waiting to fetch a branch again")
    tip = _output_of(work, commands.resolve(commands.VERIFICATION_REF))
    if not tip:
        raise _Unavailable("the fetched branch has no tip")
    return tip


def _failure(work: Work, argv: List[str]) -> Optional[GitFailed]:
    try:
        work.run(argv, outcome.FETCH)
    except GitFailed as failed:
        return failed
    return None


def _delete_tip(work: Work) -> None:
    failure = _failure(work, commands.delete_ref(commands.VERIFICATION_REF))
    if failure is not None:
        work.session.log.warning(f"Could not delete {commands.VERIFICATION_REF}: {failure}")


def _output_of(work: Work, argv: List[str]) -> str:
    try:
        return work.capture(argv).strip()
    except GitFailed:
        return ""
