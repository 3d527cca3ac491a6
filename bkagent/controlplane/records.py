"""The control plane's records, all frozen. Moments are Unix seconds (UTC), None while they have not come."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Tuple


def new_id() -> str:
    """Return an id for a new record."""
    return str(uuid.uuid4())


@dataclass(frozen=True)
class PipelineEntry:
    """A pipeline by name: builds with the same slug count their numbers together.

    configuration  the YAML that a build runs which brings no steps of its own, or ""
    settings       further attributes that were given to it, by their names in the REST API
    """

    id: str
    slug: str
    name: str
    repository: str
    default_branch: str
    created_at: float
    configuration: str = ""
    archived_at: Optional[float] = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildFilter:
    """What a build must meet, all of it; what is empty or None is met by every build.

    states                      any of these; "blocked" for builds that wait for a person
    branches commits            any of these; `*` stands for any characters
    created_from finished_from  Unix seconds, the first moment that counts; `created_to` the first that does not
    creator                     who created it, exactly as its record has it
    meta_data                   values that it has under these keys
    """

    pipeline_slug: str = ""
    states: Tuple[str, ...] = ()
    branches: Tuple[str, ...] = ()
    commits: Tuple[str, ...] = ()
    created_from: Optional[float] = None
    created_to: Optional[float] = None
    finished_from: Optional[float] = None
    creator: Optional[Mapping[str, str]] = None
    meta_data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Build:
    """One run of a pipeline.

    state          scheduled, running, failing, passed, failed, canceling, canceled, not_run; while `blocked`
                   the state that the block step asks for
    blocked        it waits for nothing but a person to unblock it
    env            variables given when it was created; `pipeline_env` those of the documents uploaded to it
    source         "api", "ui" or "local"
    author         whose commit it is: "name" and "email"; `creator` who started the build
    pull_request   "id", "base", "repository" and "labels", or empty
    meta_data      keys and values; "buildkite:" keys are the agents' own
    """

    id: str
    number: int
    pipeline_slug: str
    state: str
    branch: str
    commit: str
    message: str
    repository: str
    created_at: float
    tag: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    pipeline_env: Mapping[str, str] = field(default_factory=dict)
    source: str = "api"
    author: Mapping[str, str] = field(default_factory=dict)
    creator: Mapping[str, str] = field(default_factory=dict)
    pull_request: Mapping[str, Any] = field(default_factory=dict)
    clean_checkout: bool = False
    rebuilt_from: str = ""
    blocked: bool = False
    cancel_requested: bool = False
    cancel_reason: str = ""
    scheduled_at: Optional[float] = None
    started_at: Optional[float] = None
    failing_at: Optional[float] = None
    finished_at: Optional[float] = None
    canceled_at: Optional[float] = None
    meta_data: Mapping[str, str] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Say whether the build has ended; only a retry can bring it back."""
        return not self.blocked and self.state in ("passed", "failed", "canceled", "not_run", "skipped")


@dataclass(frozen=True)
class NewBuild:
    """A build to be created; the fields not named here are as in Build.

    document     the steps, in wire form
    repository   "" for that of the pipeline
    env          variables; values that are not texts are written as in YAML
    """

    pipeline_slug: str
    document: Any
    branch: str = "main"
    commit: str = "HEAD"
    message: str = ""
    env: Mapping[str, Any] = field(default_factory=dict)
    repository: str = ""
    meta_data: Mapping[str, str] = field(default_factory=dict)
    author: Mapping[str, str] = field(default_factory=dict)
    creator: Mapping[str, str] = field(default_factory=dict)
    source: str = "api"
    tag: str = ""
    pull_request: Mapping[str, Any] = field(default_factory=dict)
    clean_checkout: bool = False
    rebuilt_from: str = ""


@dataclass(frozen=True)
class Job:
    """One job of a build, of any type.

    type            "script", "waiter" or "manual" (block and input steps)
    state           as in scheduling/states.py; a script that ran ends as "finished"
    sequence        its position in the build's order
    label           its name, or ""
    reason          in words, why it did not run, or what ended it
    broken_reason   conditional_failed, branch_mismatch, parallelism_zero, skipped, missing_dependency or ""
    agent_query_rules  tags that an agent must have, each key=value
    slot_id         the id of the first attempt at the same work; retries share it
    retried         a newer attempt counts instead; `retry_rule` is the rule that added this one, or -1
    matrix          the matrix values of this job
    fields          the answers given to a block or input step
    blocked_state   what a build waiting for this block step shows
    """

    id: str
    build_id: str
    step_id: str
    type: str
    state: str
    created_at: float
    sequence: int
    slot_id: str
    step_key: str = ""
    group_id: str = ""
    group_key: str = ""
    group_label: str = ""
    label: str = ""
    command: str = ""
    agent_query_rules: Tuple[str, ...] = ()
    artifact_paths: Tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    plugins: Tuple[Any, ...] = ()
    priority: int = 0
    timeout_minutes: Optional[int] = None
    concurrency_group: str = ""
    concurrency_limit: Optional[int] = None
    concurrency_method: str = "ordered"
    parallel_index: Optional[int] = None
    parallel_total: Optional[int] = None
    matrix: Mapping[str, str] = field(default_factory=dict)
    soft_fail_any: bool = False
    soft_fail_statuses: Tuple[int, ...] = ()
    soft_failed: bool = False
    exit_status: Optional[int] = None
    signal: str = ""
    signal_reason: str = ""
    chunks_failed_count: int = 0
    broken_reason: str = ""
    reason: str = ""
    agent_id: str = ""
    scheduled_at: Optional[float] = None
    runnable_at: Optional[float] = None
    assigned_at: Optional[float] = None
    accepted_at: Optional[float] = None
    started_at: Optional[float] = None
    finished_at: Optional[float] = None
    cancel_requested_at: Optional[float] = None
    retried: bool = False
    retried_in_job_id: str = ""
    retries_count: int = 0
    retry_source_id: str = ""
    retry_type: str = ""
    retry_rule: int = -1
    unblocked_at: Optional[float] = None
    unblocked_by: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    blocked_state: str = ""

    @property
    def final(self) -> bool:
        """Say whether the job has ended."""
        return self.state in FINAL_STATES

    @property
    def passed(self) -> bool:
        """Say whether the job ended well (a soft failure is not a pass, but does no harm)."""
        return self.state == "unblocked" or (self.state == "finished" and not self.exit_status)

    @property
    def shown_state(self) -> str:
        """Return the state under the names that people and the REST API use."""
        if self.state == "finished":
            return "passed" if self.passed else "failed"
        return "scheduled" if self.state in ("limiting", "limited") else self.state


# A job in one of these has ended; "waiting_failed" and "blocked_failed" may still come back to life by a retry.
FINAL_STATES = frozenset(
    (
        "finished",
        "unblocked",
        "canceled",
        "timed_out",
        "skipped",
        "broken",
        "expired",
        "waiting_failed",
        "blocked_failed",
    )
)


@dataclass(frozen=True)
class StepEntry:
    """A step of a build: the step at index `at` of the document of `upload_id`.

    position     its position in the build's order
    uploaded_by  the step whose job uploaded it, "" for the build's own
    excluded     why it makes no job run: conditional_failed, branch_mismatch, parallelism_zero, skipped or ""
    """

    id: str
    build_id: str
    upload_id: str
    at: int
    position: int
    kind: str
    key: str = ""
    label: str = ""
    group_id: str = ""
    uploaded_by: str = ""
    excluded: str = ""


@dataclass(frozen=True)
class Upload:
    """One document of steps. `job_id` is "" for the build's first; `state` is applied or rejected."""

    id: str
    build_id: str
    job_id: str
    uuid: str
    state: str
    message: str
    created_at: float
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Agent:
    """One session of an agent.

    state      never_connected, connected, disconnected, stopping, stopped or lost
    priority   higher first; None last
    job_id     the job that it has now, or ""
    creator    owner of the token that registered it: "name" and "email"
    """

    id: str
    name: str
    state: str
    created_at: float
    hostname: str = ""
    os: str = ""
    arch: str = ""
    version: str = ""
    build: str = ""
    user_agent: str = ""
    ip_address: str = ""
    pid: int = 0
    machine_id: str = ""
    priority: Optional[int] = None
    meta_data: Tuple[str, ...] = ()
    features: Tuple[str, ...] = ()
    ignore_in_dispatches: bool = False
    job_id: str = ""
    heartbeat_at: Optional[float] = None
    connected_at: Optional[float] = None
    disconnected_at: Optional[float] = None
    lost_at: Optional[float] = None
    stopped_at: Optional[float] = None
    stop_force: bool = False
    last_job_finished_at: Optional[float] = None
    paused: bool = False
    paused_at: Optional[float] = None
    paused_note: str = ""
    paused_by: str = ""
    paused_timeout_minutes: Optional[int] = None
    creator: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AgentGroup:
    """The agents in touch with the same tags and the same activity: busy, idle, paused or stopping."""

    tags: Tuple[str, ...]
    activity: str
    count: int


@dataclass(frozen=True)
class Event:
    """A change, or new bytes of a log. `kind`: build, job, log, agent, annotation, artifact, meta_data, or missed.

    For "log", `data` are the log's bytes from `offset`; for the others `state` is the new state of what changed.
    "missed" says that this subscriber was too slow and events were left out: read again what you show.
    """

    kind: str
    build_id: str = ""
    job_id: str = ""
    agent_id: str = ""
    state: str = ""
    offset: int = 0
    data: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Caller:
    """The caller of the Agent API.

    agent_id     the agent whose session it is, or that has the job
    job_id       the job whose token it is, or that the session's agent runs, or ""
    build_id     that job's build
    is_session   whether the token is a session's
    """

    agent_id: str
    job_id: str = ""
    build_id: str = ""
    is_session: bool = False
