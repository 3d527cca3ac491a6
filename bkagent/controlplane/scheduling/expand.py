"""Steps become the entries and jobs of a build."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from bkagent.controlplane.records import Job, StepEntry
from bkagent.controlplane.scheduling import branches, matrix
from bkagent.controlplane.scheduling.limits import JOB_TEXT_BYTES, JOBS_PER_MATRIX, JOBS_PER_UPLOAD
from bkagent.pipeline.conditional.evaluate import evaluate
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model.steps import (
    BlockStep,
    CommandStep,
    GroupStep,
    InputStep,
    ManualStep,
    Pipeline,
    Step,
    TriggerStep,
    WaitStep,
)

_KINDS = (
    (CommandStep, "command"), (WaitStep, "wait"), (BlockStep, "block"), (InputStep, "input"),
    (TriggerStep, "trigger"), (GroupStep, "group"),
)  # fmt: skip
_JOB_TYPES = {"command": "script", "wait": "waiter", "block": "manual", "input": "manual", "trigger": "trigger"}
_PLACEHOLDER = re.compile("%[nNtT]")


@dataclass(frozen=True)
class Target:
    """The destination of the steps.

    conditions    what `if` sees; `branch` what `branches` is held against
    uploaded_by   the id of the step whose job uploads them, "" for the build's own
    position      of the first of them, `spacing` from each to the next; `scheduled_at` the time they were meant for
    new_id        makes an id
    """

    build_id: str
    upload_id: str
    conditions: Mapping[str, Any]
    branch: str
    now: float
    scheduled_at: float
    new_id: Callable[[], str]
    uploaded_by: str = ""
    position: int = 0
    spacing: int = 1


def expand(pipeline: Pipeline, target: Target) -> Tuple[List[StepEntry], List[Job]]:
    """Return the entries and the jobs of every step, in document order.

    Raises PipelineError for a condition or a matrix that cannot be worked out, and for too many jobs.
    """
    entries: List[StepEntry] = []
    jobs: List[Job] = []
    group_entry: Optional[StepEntry] = None
    group_reason = ("", "")
    text_bytes = 0
    for at, (step, group) in enumerate(pipeline.walk()):
        if group is None:
            group_entry, group_reason = None, ("", "")
        excluded, reason = group_reason if group_reason[0] else _exclusion(step, target)
        entry = StepEntry(
            id=target.new_id(), build_id=target.build_id, upload_id=target.upload_id, at=at,
            position=target.position + at * target.spacing, kind=kind_of(step), key=step.key, label=step.label,
            group_id=group_entry.id if group_entry else "", uploaded_by=target.uploaded_by, excluded=excluded,
        )  # fmt: skip
        entries.append(entry)
        if isinstance(step, GroupStep):
            group_entry, group_reason = entry, (excluded, reason)
            continue
        try:
            of_step = _jobs(step, pipeline, entry, group_entry, reason, target)
        except PipelineError as error:
            raise PipelineError(f"{step.name}: {error}") from None
        jobs += of_step
        text_bytes += sum(map(_text_bytes, of_step))
        if text_bytes > JOB_TEXT_BYTES:
            raise PipelineError(f"the jobs of the pipeline take more than {JOB_TEXT_BYTES} bytes, each copy counted")
        if len(jobs) > JOBS_PER_UPLOAD:
            raise PipelineError(f"the pipeline makes more than {JOBS_PER_UPLOAD} jobs, the limit of one upload")
    return entries, jobs


def _text_bytes(job: Job) -> int:
    """Return about how much a job takes that its step may have copied many times."""
    texts = [job.command, job.label, job.reason, *job.agent_query_rules, *job.env, *map(str, job.env.values())]
    return sum(map(len, texts)) + (len(str(job.plugins)) if job.plugins else 0)


def kind_of(step: Step) -> str:
    """Return "command", "wait", "block", "input", "trigger" or "group"."""
    return next(word for kind, word in _KINDS if isinstance(step, kind))


def _exclusion(step: Step, target: Target) -> Tuple[str, str]:
    """Return why the step runs no job, as a word and as a sentence, or two empty texts."""
    if step.skip:
        return "skipped", step.skip
    if step.branches and not branches.matches(step.branches, target.branch):
        return "branch_mismatch", f'the branch "{target.branch}" is not one of its branches'
    if step.condition:
        try:
            holds = evaluate(step.condition, target.conditions)
        except PipelineError as error:
            raise PipelineError(f"{step.name}: {error}") from None
        if not holds:
            return "conditional_failed", f"its condition does not hold: {step.condition}"
    if isinstance(step, CommandStep) and step.parallelism == 0:
        return "parallelism_zero", "its parallelism is 0"
    return "", ""


def _jobs(
    step: Step, pipeline: Pipeline, entry: StepEntry, group: Optional[StepEntry], reason: str, target: Target
) -> List[Job]:
    shared: Dict[str, Any] = {
        "build_id": target.build_id, "step_id": entry.id, "type": _JOB_TYPES[entry.kind], "created_at": target.now,
        "sequence": entry.position, "step_key": step.key, "label": step.label, "scheduled_at": target.scheduled_at,
        "group_id": group.id if group else "", "group_key": group.key if group else "",
        "group_label": group.label if group else "", "state": "waiting",
    }  # fmt: skip
    if entry.excluded:
        word = "skipped" if entry.excluded == "skipped" else "broken"
        broken = "" if word == "skipped" else entry.excluded
        shared.update(state=word, broken_reason=broken, reason=reason, finished_at=target.now)
    if isinstance(step, ManualStep):
        shared["blocked_state"] = step.blocked_state
    if not isinstance(step, CommandStep):
        return [_new_job(target, shared)]
    shared.update(_of_command(step, pipeline))
    if entry.excluded:
        return [_new_job(target, shared)]
    if step.matrix is not None:
        return _of_matrix(step, shared, target)
    if step.parallelism is None:
        return [_new_job(target, shared)]
    if step.parallelism > JOBS_PER_UPLOAD:
        raise PipelineError(f"parallelism {step.parallelism} makes more than {JOBS_PER_UPLOAD} jobs")
    return [_of_parallel(target, shared, index, step.parallelism) for index in range(step.parallelism)]


def _of_command(step: CommandStep, pipeline: Pipeline) -> Dict[str, Any]:
    agents = step.agents if step.agents is not None else pipeline.agents
    return {
        "command": step.command, "agent_query_rules": tuple(agents or ()), "artifact_paths": step.artifact_paths,
        "env": dict(step.env), "plugins": tuple(step.plugins),
        "priority": pipeline.priority if step.priority is None else step.priority,
        "timeout_minutes": step.timeout_minutes, "concurrency_group": step.concurrency_group,
        "concurrency_limit": step.concurrency, "concurrency_method": step.concurrency_method,
        "soft_fail_any": step.soft_fail.any_status, "soft_fail_statuses": tuple(sorted(step.soft_fail.statuses)),
    }  # fmt: skip


def _of_matrix(step: CommandStep, shared: Mapping[str, Any], target: Target) -> List[Job]:
    assert step.matrix is not None
    if matrix.count(step.matrix) > JOBS_PER_MATRIX:
        raise PipelineError(f"the matrix makes more than {JOBS_PER_MATRIX} jobs")
    jobs = []
    for combination in matrix.combinations(step.matrix):
        fields = dict(shared, matrix=combination.values)
        for name in ("label", "command", "agent_query_rules", "plugins"):
            fields[name] = matrix.fill(fields[name], combination.values)
        fields["env"] = {name: matrix.fill(value, combination.values) for name, value in step.env.items()}
        if combination.soft_fail is not None:
            statuses = tuple(sorted(combination.soft_fail.statuses))
            fields.update(soft_fail_any=combination.soft_fail.any_status, soft_fail_statuses=statuses)
        if combination.skip:
            fields.update(state="skipped", reason=combination.skip, finished_at=target.now)
        jobs.append(_new_job(target, fields))
    return jobs


def _of_parallel(target: Target, shared: Mapping[str, Any], index: int, total: int) -> Job:
    words = {"%n": str(index), "%N": str(index + 1), "%t": str(total), "%T": str(total)}
    label = _PLACEHOLDER.sub(lambda match: words[match.group()], shared["label"])
    return _new_job(target, dict(shared, label=label, parallel_index=index, parallel_total=total))


def _new_job(target: Target, fields: Mapping[str, Any]) -> Job:
    id = target.new_id()
    return Job(id=id, slot_id=id, **fields)
