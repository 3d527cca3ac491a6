"""The known attributes of each kind of step, for callers that must report unknown ones."""

from __future__ import annotations

from difflib import get_close_matches
from typing import FrozenSet, List, Mapping

from bkagent.pipeline import grammar
from bkagent.pipeline.model.steps import CommandStep, GroupStep, ManualStep, Pipeline, Step, TriggerStep, WaitStep

_COMMON = frozenset(
    (
        *grammar.KEY_NAMES, *grammar.LABEL_NAMES, "type", "depends_on", "allow_dependency_failure", "if", "branches",
        "if_changed",
    )
)  # fmt: skip
_MANUAL = frozenset(("block", "input", "manual", "prompt", "submit", "fields", "blocked_state", "allowed_teams"))
# Source: pipelines of the reference service, attribute tables of each kind of step.
_KNOWN: "Mapping[type, FrozenSet[str]]" = {
    CommandStep: frozenset(
        (
            "command", "commands", "script", "agents", "agent_query_rules", "artifact_paths", "artifacts", "cache",
            "cancel_on_build_failing", "checkout", "concurrency", "concurrency_group", "concurrency_method", "env",
            "image", "matrix", "notify", "parallelism", "plugins", "priority", "retry", "secrets", "signature", "skip",
            "soft_fail", "timeout", "timeout_in_minutes",
        )
    ),
    WaitStep: frozenset(("wait", "waiter", "continue_on_failure")),
    TriggerStep: frozenset(("trigger", "async", "build", "parallelism", "skip", "soft_fail")),
    GroupStep: frozenset(("group", "steps", "notify", "skip")),
}  # fmt: skip


def unknown_attributes(pipeline: Pipeline) -> List[str]:
    """Return one sentence for each unknown attribute."""
    sentences = []
    for step, _ in pipeline.walk():
        known = known_by(step)
        for name in step.document:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f'; did you mean "{near[0]}"?' if near else ""
                sentences.append(f'{step.name}: unknown attribute "{name}"{hint}')
    return sentences


def known_by(step: Step) -> FrozenSet[str]:
    """Return the names that mean something on a step of this kind."""
    if isinstance(step, ManualStep):
        return _COMMON | _MANUAL
    return _COMMON | _KNOWN.get(type(step), frozenset())
