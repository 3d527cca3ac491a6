"""The names of conditions. Source: https://buildkite.com/docs/pipelines/configure/conditionals"""

from __future__ import annotations

from typing import Mapping, Tuple

_BUILD = (
    "id number state fixed blocked_state source source_event source_action branch tag message commit "
    "creator.id creator.name creator.email creator.teams creator.verified "
    "author.id author.name author.email author.teams "
    "scm.author.name scm.author.email scm.committer.name scm.committer.email "
    "pull_request.id pull_request.base_branch pull_request.draft pull_request.label pull_request.labels "
    "pull_request.repository pull_request.repository.fork merge_queue.base_branch merge_queue.base_commit"
)
_PIPELINE = "id slug default_branch repository started_passing started_failing next_finished_build_exists"

NAMES = frozenset(
    [f"build.{name}" for name in _BUILD.split()]
    + [f"pipeline.{name}" for name in _PIPELINE.split()]
    + ["organization.id", "organization.slug"]
)
STEP_NAMES = frozenset(f"step.{name}" for name in ("id", "key", "type", "label", "state", "outcome"))

# A text that one of these is compared with must be one of its words.
_STATES = (
    "creating", "scheduled", "started", "running", "failing", "passed", "failed", "blocked",
    "canceling", "canceled", "skipped", "not_run", "waiting", "waiting_failed",
)  # fmt: skip
CHOICES: Mapping[str, Tuple[str, ...]] = {
    "build.state": _STATES,
    "build.blocked_state": ("", "passed", "failed", "running"),
    "build.source": ("api", "schedule", "trigger_job", "ui", "webhook", "frontend", "local"),
}
