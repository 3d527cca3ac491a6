"""Notifications of a pipeline: `notify` of the build, of groups and of steps. None are sent here.

Source: https://buildkite.com/docs/pipelines/configure/notify
"""

from __future__ import annotations

from typing import Any, Iterable, Iterator, List, Mapping, Tuple

from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.fields import describe
from bkagent.pipeline.model.steps import CommandStep, GroupStep, Pipeline

KINDS = (
    "basecamp_campfire", "email", "github_check", "github_commit_status", "pagerduty_change_event", "slack", "webhook",
)  # fmt: skip
# Which need no settings, and may stand as a word alone.
_WORDS = ("github_check", "github_commit_status")


def check(pipeline: Pipeline) -> None:
    """Raise PipelineError for a notification of an unknown kind, naming its position."""
    for position, items in _holders(pipeline):
        for notification in items:
            if not _kinds(notification):
                known = ", ".join(KINDS)
                raise PipelineError(
                    f"{position}: notify must hold notifications of the kinds {known}, not {_name_of(notification)}"
                )


def lines(pipelines: Iterable[Pipeline]) -> List[str]:
    """Return a sentence for each `notify` that is not carried out."""
    return [
        f"{position}: notify ({', '.join(kinds)}) is ignored; this control plane sends no notifications"
        for pipeline in pipelines
        for position, items in _holders(pipeline)
        for kinds in [sorted({kind for notification in items for kind in _kinds(notification)})]
        if kinds
    ]


def _holders(pipeline: Pipeline) -> "Iterator[Tuple[str, Tuple[Any, ...]]]":
    yield "the build", pipeline.notify
    for step, _ in pipeline.walk():
        if isinstance(step, (CommandStep, GroupStep)):
            yield step.name, step.notify


def _kinds(notification: Any) -> List[str]:
    if isinstance(notification, Mapping):
        return [kind for kind in KINDS if kind in notification]
    return [notification] if notification in _WORDS else []


def _name_of(notification: Any) -> str:
    if isinstance(notification, Mapping):
        return ", ".join(f'"{name}"' for name in notification if name != "if") or "a mapping without one"
    return describe(notification)
