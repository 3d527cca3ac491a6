"""Which files changed in this build, for `if_changed`: from a list, or from git. Asked once a command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, List, Optional

from bkagent.config.options import pipeline as options
from bkagent.config.variables import build_variables
from bkagent.git import changed_files, query
from bkagent.git.query import QueryFailed
from bkagent.wire.go_duration import format_precise

if TYPE_CHECKING:
    from bkagent.cli.command import Call

GIT_TIMEOUT_S = 300.0


class ChangedFiles:
    """The changed paths, found out when first asked for; None where that failed, which is logged once."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._asked = False
        self._paths: Optional[List[str]] = None

    def __call__(self) -> Optional[List[str]]:
        if not self._asked:
            self._asked = True
            try:
                path = self._call.settings[options.CHANGED_FILES]
                self._paths = _listed(path) if path else self._from_git()
            except (OSError, QueryFailed) as error:
                self._call.report(
                    "error", f"Couldn't determine the changed files, so no step is skipped by if_changed: {error}"
                )
        return self._paths

    def _from_git(self) -> List[str]:
        settings, report = self._call.settings, self._call.report
        base = settings[options.GIT_DIFF_BASE] or _default_base(self._call)
        if settings[options.FETCH_DIFF_BASE]:
            remote, _, reference = base.partition("/")
            try:
                self._git("fetch", "--", *([remote, reference] if reference else [remote]))
            except QueryFailed as error:
                report("error", f"Couldn't fetch {base}: {error}")
        base_commit = self._git("rev-parse", "--verify", "--end-of-options", base).strip()
        head = self._git("rev-parse", "HEAD").strip()
        if base_commit == head:
            report("warn", f"The diff base {base} is the commit that is being built ({head}).")
            report("warn", "Changed files are those of that one commit; set --git-diff-base for another comparison.")
            return changed_files.of_commit(self._git)
        merge_base = self._git("merge-base", base_commit, "HEAD").strip()
        return changed_files.since(self._git, merge_base)

    def _git(self, *words: str) -> str:
        return git(words, self._call)


def git(words: "tuple[str, ...]", call: Call) -> str:
    """Return what a git command prints, run in the environment of `call`. Raises QueryFailed with its own words."""
    shown = "git " + " ".join(words)
    call.report("debug", f"$ {shown}")
    began = time.monotonic()
    answer = query.ask(words, call.environ, timeout_s=GIT_TIMEOUT_S)
    took = format_precise(time.monotonic() - began)
    call.report("debug", f"↳ git ended with exit status {answer.exit_status} after {took}")
    if answer.exit_status:
        raise QueryFailed(f"{shown}: exit status {answer.exit_status}: {answer.error}")
    return answer.printed.decode("utf-8", "surrogateescape")


def _default_base(call: Call) -> str:
    for name in (build_variables.PULL_REQUEST_BASE_BRANCH, build_variables.DEFAULT_BRANCH):
        if call.environ.get(name):
            return f"origin/{call.environ[name]}"
    return "origin/main"


def _listed(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return [line for line in file.read().split("\n") if line]
