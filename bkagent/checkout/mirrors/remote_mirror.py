"""A copy of the repository that the control plane offers over HTTPS: whether a job uses it, and the outcome.

It is only tried first: after any failure the repository itself is used.
"""

from __future__ import annotations

import enum
import os
import re
from typing import Callable, List

from bkagent.checkout.checkout_settings import Checkout
from bkagent.git import location
from bkagent.redaction.url_password import masked
from bkagent.shell.words import split
from bkagent.wire.go_duration import format_rounded

# A ref is kept for each branch, in a file of its name.
_BRANCH_MAX_CHARACTERS = 240
_FULL_ID = re.compile(r"[0-9a-f]{40}")


class MirrorSite(enum.Enum):
    """The step of a checkout that uses the copy."""

    NONE = "none"
    ON_HOST = "on-host-mirror"
    EXISTING = "existing-checkout"
    FRESH = "fresh-clone"


class MirrorOutcome(enum.Enum):
    """What came of it."""

    NOT_REACHED = "notReached"
    HIT = "hit"
    MISS = "miss"
    TIMEOUT = "timeout"
    ERROR = "error"
    SKIPPED = "skipped"


class RemoteMirror:
    """The copy, for one attempt. The steps of the checkout record its outcome here."""

    def __init__(self, url: str = "", site: MirrorSite = MirrorSite.NONE) -> None:
        self.url, self.site, self.outcome = url, site, MirrorOutcome.NOT_REACHED
        self.skip_reason, self.duration_s = "", 0.0

    def awaits(self, site: MirrorSite) -> bool:
        """Return whether the copy is to be used at `site` and has not been yet."""
        return self.site is site and self.outcome is MirrorOutcome.NOT_REACHED

    @property
    def is_hit(self) -> bool:
        """Whether the commit was fetched from the copy."""
        return self.outcome is MirrorOutcome.HIT

    def skip(self, reason: str) -> None:
        """Record that the copy is not used."""
        self.outcome, self.skip_reason = MirrorOutcome.SKIPPED, reason

    def summary(self) -> str:
        """Return the line that ends an attempt in the log."""
        text = f"Remote Git mirror: outcome={self.outcome.value} site={self.site.value}"
        if self.skip_reason:
            text += f" skip_reason={self.skip_reason}"
        if self.duration_s > 0:
            text += f" duration={format_rounded(self.duration_s)}"
        return text + (f" url={masked(self.url)}" if self.url else "")


def choose(settings: Checkout, folder: str, is_first_attempt: bool) -> RemoteMirror:
    """Return which step of a checkout at `folder` uses the copy, or why none does."""
    reason = _unfit_for_job(settings) or ("" if is_first_attempt else "not-first-attempt")
    remote = RemoteMirror()
    if not reason:
        remote = RemoteMirror(settings.remote_mirror, _site(settings, folder))
        reason = _unfit_for_site(settings, folder, remote.site)
    if reason:
        remote = RemoteMirror()
        remote.skip(reason)
    return remote


def _unfit_for_job(settings: Checkout) -> str:
    """Return why the copy cannot serve this job. It serves full commit ids of branches, no moving references."""
    reasons: List["tuple[str, Callable[[], bool]]"] = [
        ("no-url", lambda: not settings.remote_mirror),
        ("not-https", lambda: not _is_https(settings.remote_mirror)),
        ("canonical-changed", lambda: settings.repository != settings.first_repository),
        ("not-full-object-id", lambda: not _FULL_ID.fullmatch(settings.commit)),
        ("empty-branch", lambda: not settings.branch),
        ("branch-too-long", lambda: len(branch_component(settings.branch)) > _BRANCH_MAX_CHARACTERS),
        ("custom-refspec", lambda: bool(settings.refspec)),
        ("tag-build", lambda: bool(settings.tag)),
        ("pull-request-merge-ref", lambda: settings.uses_merge_refspec),
        ("pull-request-refmap", lambda: settings.pull_request != "false" and _has(settings.fetch_flags, "--ref")),
    ]
    return next((reason for reason, applies in reasons if applies()), "")


def branch_component(branch: str) -> str:
    """Return a branch as one part of a ref's name."""
    return location.mirror_folder(branch)


def _is_https(url: str) -> bool:
    parts = location.parse(url)
    return parts is not None and parts.scheme == "https" and bool(parts.host)


def _site(settings: Checkout, folder: str) -> MirrorSite:
    if settings.mirrors_path and settings.repository and not settings.mirrors_skip_update:
        return MirrorSite.ON_HOST
    return MirrorSite.EXISTING if os.path.exists(os.path.join(folder, ".git")) else MirrorSite.FRESH


def _unfit_for_site(settings: Checkout, folder: str, site: MirrorSite) -> str:
    """Return why a failure of the copy would harm this checkout."""
    if site is MirrorSite.EXISTING and not os.path.isdir(os.path.join(folder, ".git")):
        return "separate-git-dir"  # it would stay when the checkout is removed
    if site is MirrorSite.FRESH:
        if _has(settings.clone_flags, "--rec", "--rem"):
            return "recursive-submodules"  # their addresses would be taken relative to the copy's
        if _has(settings.clone_flags, "--sep"):
            return "separate-git-dir"
    return ""


def _has(flags: str, *prefixes: str) -> bool:
    """Return whether a flag starts with one of `prefixes`: git accepts any unambiguous prefix of an option."""
    try:
        return any(word.startswith(prefixes) for word in split(flags))
    except ValueError:
        return False  # told where the flags are used
