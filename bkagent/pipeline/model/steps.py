"""A pipeline as the control plane sees it: frozen steps, every attribute checked and in one form.

`steps_reader.read` makes them from a normalised document, `graph.check` checks them together.
None stands for "not given" where the attribute's absence means something of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Optional, Tuple

from bkagent.pipeline.model.rules import Matrix, Retry, SoftFail

DEFAULT_SUBMIT = "Continue"


@dataclass(frozen=True)
class Dependency:
    """One edge of `depends_on`: the key of a step, and whether its failure may be ignored."""

    key: str
    allow_failure: bool = False


@dataclass(frozen=True)
class Step:
    """What every kind of step has.

    place       its position, for messages: "step 3", "step 1 of group \"Tests\""
    document    its wire form, as it was uploaded
    depends_on  None: implicit order (waits and blocks); (): no dependencies at all
    condition   the text of `if`, "" for none
    skip        the reason to skip it, "" when it is not skipped
    branches    patterns of `branches`, () for all
    """

    place: str
    document: Mapping[str, Any] = field(repr=False)
    key: str = ""
    label: str = ""
    depends_on: Optional[Tuple[Dependency, ...]] = None
    allow_dependency_failure: bool = False
    condition: str = ""
    skip: str = ""
    branches: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the words that name the step in a message: its place, and its label or key."""
        called = self.label or self.key
        return f'{self.place} ("{called}")' if called else self.place


@dataclass(frozen=True)
class CommandStep(Step):
    """A step that becomes one job, or several by `parallelism` or `matrix`.

    agents       rules such as "queue=linux"; None where the pipeline's default applies
    plugins      the wire form: one-key mappings from full source to configuration or None
    priority     None where the pipeline's default applies
    timeout_minutes  None for no limit
    concurrency  jobs of `concurrency_group` that may run at once; None for no limit
    soft_fail    which exit statuses do not fail the build
    """

    command: str = ""
    agents: Optional[Tuple[str, ...]] = None
    artifact_paths: Tuple[str, ...] = ()
    cancel_on_build_failing: bool = False
    checkout: Mapping[str, Any] = field(default_factory=dict)
    concurrency: Optional[int] = None
    concurrency_group: str = ""
    concurrency_method: str = "ordered"
    env: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    matrix: Optional[Matrix] = None
    notify: Tuple[Any, ...] = ()
    parallelism: Optional[int] = None
    plugins: Tuple[Mapping[str, Any], ...] = ()
    priority: Optional[int] = None
    retry: Retry = field(default_factory=Retry)
    secrets: Tuple[Mapping[str, str], ...] = ()
    signature: Optional[Mapping[str, Any]] = None
    soft_fail: SoftFail = field(default_factory=SoftFail)
    timeout_minutes: Optional[int] = None


@dataclass(frozen=True)
class WaitStep(Step):
    """Blocks later steps until all earlier ones are done."""

    continue_on_failure: bool = False


@dataclass(frozen=True)
class Field:
    """One question of a block or input step. `options` is empty for a text field; each is (label, value)."""

    key: str
    title: str = ""
    hint: str = ""
    required: bool = True
    default: Tuple[str, ...] = ()
    format: str = ""
    options: Tuple[Tuple[str, str], ...] = ()
    multiple: bool = False


@dataclass(frozen=True)
class ManualStep(Step):
    """What block and input steps share: they wait for a person."""

    prompt: str = ""
    submit: str = DEFAULT_SUBMIT
    fields: Tuple[Field, ...] = ()
    blocked_state: str = "passed"
    allowed_teams: Tuple[str, ...] = ()


@dataclass(frozen=True)
class BlockStep(ManualStep):
    """Blocks later steps until a person unblocks them."""


@dataclass(frozen=True)
class InputStep(ManualStep):
    """Collects answers, and blocks only steps that depend on it."""


@dataclass(frozen=True)
class TriggerStep(Step):
    """Creates a build of another pipeline. `build` is the wire form of what it asks for."""

    pipeline: str = ""
    run_async: bool = False
    build: Mapping[str, Any] = field(default_factory=dict)
    parallelism: Optional[int] = None
    soft_fail: SoftFail = field(default_factory=SoftFail)


@dataclass(frozen=True)
class GroupStep(Step):
    """Steps that share a label, and the group's `if`, `skip` and `depends_on`. Has no job of its own."""

    steps: Tuple[Step, ...] = ()
    notify: Tuple[Any, ...] = ()


@dataclass(frozen=True)
class Pipeline:
    """A whole document. `agents` and `priority` are the defaults of command steps without their own."""

    steps: Tuple[Step, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    agents: Optional[Tuple[str, ...]] = None
    priority: int = 0
    notify: Tuple[Any, ...] = ()
    image: str = ""
    secrets: Tuple[Mapping[str, str], ...] = ()
    checkout: Mapping[str, Any] = field(default_factory=dict)

    def walk(self) -> Iterator[Tuple[Step, Optional[GroupStep]]]:
        """Yield every step in document order with the group it stands in; a group comes before its steps."""
        for step in self.steps:
            yield step, None
            if isinstance(step, GroupStep):
                for inner in step.steps:
                    yield inner, step
