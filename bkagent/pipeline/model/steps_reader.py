"""Make the model of a pipeline from a normalised document (the form that agents upload)."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from bkagent.pipeline import grammar
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model import attributes as decisions
from bkagent.pipeline.model.fields import Fields, describe
from bkagent.pipeline.model.kinds import kind_of
from bkagent.pipeline.model.steps import (
    DEFAULT_SUBMIT,
    BlockStep,
    CommandStep,
    Dependency,
    Field,
    GroupStep,
    InputStep,
    Pipeline,
    Step,
    TriggerStep,
    WaitStep,
)


def read(document: Any) -> Pipeline:
    """Return the pipeline of a document: a mapping with `steps`, or a list of steps.

    Raises PipelineError with one sentence naming the step and the attribute. Looks at each step alone;
    keys and dependencies are checked by `graph.check`.
    """
    if isinstance(document, list):
        document = {"steps": document}
    if not isinstance(document, Mapping):
        raise PipelineError(f"the pipeline must be a mapping or a list of steps, not {describe(document)}")
    fields = Fields(document, "the pipeline")
    return Pipeline(
        steps=_steps(fields, "step {}", inside_group=False),
        env=fields.text_map("env"),
        agents=decisions.agents(fields),
        priority=fields.whole("priority") or 0,
        notify=fields.items("notify"),
        image=fields.text("image"),
        secrets=decisions.secrets(fields),
        checkout=fields.mapping("checkout"),
    )


def _steps(fields: Fields, position: str, *, inside_group: bool) -> Tuple[Step, ...]:
    return tuple(
        _step(step, position.format(number), inside_group=inside_group)
        for number, step in enumerate(fields.items("steps"), start=1)
    )


def _step(document: Any, position: str, *, inside_group: bool) -> Step:
    if isinstance(document, str):
        document = {document: None}
    if not isinstance(document, Mapping):
        raise PipelineError(f"{position}: a step must be a mapping or a word such as wait, not {describe(document)}")
    kind = kind_of(document, position)
    nested = document.get(kind)
    if isinstance(nested, Mapping) and kind != "group":
        document = {**nested, **{name: attribute for name, attribute in document.items() if name != kind}}
        document.setdefault(kind, None)
    named = Fields(document, position).text(*grammar.LABEL_NAMES)
    fields = Fields(document, f'{position} ("{named}")' if named else position)
    if kind == "group" and inside_group:
        raise PipelineError(f"{fields.what}: a group cannot be inside another group")
    return _READERS[kind](fields, _shared(fields, position, kind))


def _shared(fields: Fields, position: str, kind: str) -> Dict[str, Any]:
    branches = fields.texts("branches", " ")
    condition = fields.text("if")
    if branches and condition:
        raise PipelineError(f"{fields.what}: branches and if cannot be used together")
    return {
        "place": position,
        "document": fields.document,
        "key": decisions.key(fields, fields.text(*grammar.KEY_NAMES)),
        "label": fields.text(*grammar.LABEL_NAMES) or _label_of_kind(fields, kind),
        "depends_on": _depends_on(fields),
        "allow_dependency_failure": fields.flag("allow_dependency_failure"),
        "condition": condition,
        "skip": decisions.skip(fields),
        "branches": branches,
    }


def _label_of_kind(fields: Fields, kind: str) -> str:
    """The label of a wait, block, input or group stands under the word of the kind itself."""
    words = {"wait": ("wait", "waiter"), "block": ("block", "manual"), "input": ("input", "manual")}
    return fields.text(*words.get(kind, (kind,))) if kind in ("wait", "block", "input", "group") else ""


def _depends_on(fields: Fields) -> Optional[Tuple[Dependency, ...]]:
    if "depends_on" not in fields:
        return None
    node = fields.document["depends_on"]
    dependencies: List[Dependency] = []
    for dependency in node if isinstance(node, list) else [] if node is None else [node]:
        if isinstance(dependency, str) and dependency:
            dependencies.append(Dependency(dependency))
        elif isinstance(dependency, Mapping) and isinstance(dependency.get("step"), str) and dependency["step"]:
            inner = Fields(dependency, f"{fields.what}: depends_on")
            dependencies.append(Dependency(dependency["step"], inner.flag("allow_failure")))
        elif dependency is not None:
            raise fields.wrong("depends_on", "a key, a list of keys, or of mappings with step", dependency)
    return tuple(dict.fromkeys(dependencies))  # the same one again asks for nothing more


def _command(fields: Fields, shared: Dict[str, Any]) -> CommandStep:
    command = decisions.command(fields)
    plugins = decisions.plugins(fields)
    if not command.strip() and not plugins:
        raise PipelineError(f"{fields.what}: missing command (and no plugin)")
    concurrency = fields.whole("concurrency", 1)
    group = fields.text("concurrency_group")
    if concurrency is not None and not group:
        raise PipelineError(f"{fields.what}: concurrency needs a concurrency_group")
    parallelism = fields.whole("parallelism", 0)
    matrix = decisions.matrix(fields)
    if matrix is not None and parallelism is not None:
        raise PipelineError(f"{fields.what}: matrix and parallelism cannot be used together")
    return CommandStep(
        **shared,
        command=command,
        agents=decisions.agents(fields),
        artifact_paths=fields.texts("artifact_paths", ";", "artifacts"),
        cancel_on_build_failing=fields.flag("cancel_on_build_failing"),
        checkout=fields.mapping("checkout"),
        concurrency=concurrency,
        concurrency_group=group,
        concurrency_method=fields.choice("concurrency_method", ("ordered", "eager"), "ordered"),
        env=fields.text_map("env"),
        image=fields.text("image"),
        matrix=matrix,
        notify=fields.items("notify"),
        parallelism=parallelism,
        plugins=plugins,
        priority=fields.whole("priority"),
        retry=decisions.retry(fields),
        secrets=decisions.secrets(fields),
        signature=fields.mapping("signature") or None,
        soft_fail=decisions.soft_fail(fields),
        timeout_minutes=fields.whole("timeout_in_minutes", 1, "timeout"),
    )


def _wait(fields: Fields, shared: Dict[str, Any]) -> WaitStep:
    return WaitStep(**shared, continue_on_failure=fields.flag("continue_on_failure"))


def _manual(fields: Fields, shared: Dict[str, Any]) -> Dict[str, Any]:
    asked = []
    for number, node in enumerate(fields.items("fields"), start=1):
        if not isinstance(node, Mapping):
            raise fields.wrong(f"fields[{number}]", "a mapping", node)
        asked.append(_field(Fields(node, f"{fields.what}: field {number}")))
    return dict(
        shared,
        prompt=fields.text("prompt"),
        submit=fields.text("submit") or DEFAULT_SUBMIT,
        fields=tuple(asked),
        blocked_state=fields.choice("blocked_state", ("passed", "failed", "running"), "passed"),
        allowed_teams=fields.texts("allowed_teams"),
    )


def _field(fields: Fields) -> Field:
    key = fields.text("key")
    if not key:
        raise PipelineError(f"{fields.what}: missing key, which names the answer")
    if "text" not in fields and "select" not in fields:
        raise PipelineError(f"{fields.what}: it must have text or select")
    options = []
    for node in fields.items("options"):
        if not isinstance(node, Mapping):
            raise fields.wrong("options", "a list of mappings with label and value", node)
        option = Fields(node, f"{fields.what}: option")
        options.append((option.text("label"), option.text("value")))
    return Field(
        key=key,
        title=fields.text("text", "select"),
        hint=fields.text("hint"),
        required=fields.flag("required", True),
        default=fields.texts("default"),
        format=fields.text("format"),
        options=tuple(options),
        multiple=fields.flag("multiple"),
    )


def _block(fields: Fields, shared: Dict[str, Any]) -> BlockStep:
    return BlockStep(**_manual(fields, shared))


def _input(fields: Fields, shared: Dict[str, Any]) -> InputStep:
    return InputStep(**_manual(fields, shared))


def _trigger(fields: Fields, shared: Dict[str, Any]) -> TriggerStep:
    pipeline = fields.text("trigger")
    if not pipeline:
        raise PipelineError(f"{fields.what}: trigger must name a pipeline")
    return TriggerStep(
        **shared,
        pipeline=pipeline,
        run_async=fields.flag("async"),
        build=fields.mapping("build"),
        parallelism=fields.whole("parallelism", 0),
        soft_fail=decisions.soft_fail(fields),
    )


def _group(fields: Fields, shared: Dict[str, Any]) -> GroupStep:
    position = "step {} of " + (f'group "{shared["label"]}"' if shared["label"] else f"the group at {shared['place']}")
    steps = _steps(fields, position.replace("{", "{{").replace("}", "}}").replace("{{}}", "{}", 1), inside_group=True)
    if not steps:
        raise PipelineError(f"{fields.what}: a group needs at least one step")
    return GroupStep(**shared, steps=steps, notify=fields.items("notify"))


_READERS: Mapping[str, Callable[[Fields, Dict[str, Any]], Step]] = {
    "command": _command,
    "wait": _wait,
    "block": _block,
    "input": _input,
    "trigger": _trigger,
    "group": _group,
}
