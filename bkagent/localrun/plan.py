"""Everything that can be wrong is found here, before the first job runs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional

from bkagent.config.options import bootstrap
from bkagent.config.variables import build_variables
from bkagent.controlplane.scheduling import unsupported
from bkagent.errors import AgentError, UsageError
from bkagent.localrun import repository, selection
from bkagent.localrun.options import RunRequest
from bkagent.localrun.repository import Repository
from bkagent.pipeline import decodable
from bkagent.pipeline.conditional import evaluate
from bkagent.pipeline.document import if_changed, normalise, pipeline_file
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.model import graph, known_attributes, notifications, steps_reader
from bkagent.pipeline.model.steps import BlockStep, InputStep, Pipeline
from bkagent.version import program_name

ORGANIZATION = "local"
Changed = Callable[[], "Optional[List[str]]"]


@dataclass(frozen=True)
class PipelineSource:
    """A repository and the pipeline file in it, read but not interpreted. `name` is the file's as people know it."""

    repository: Repository
    name: str
    content: bytes

    @property
    def slug(self) -> str:
        """The pipeline's name: that of the repository's folder, in letters and digits."""
        letters = "".join(
            letter if letter.isalnum() and letter.isascii() else "-" for letter in os.path.basename(self.repository.top)
        )
        return "-".join(word for word in letters.lower().split("-") if word) or "pipeline"


def find(request: RunRequest) -> PipelineSource:
    """Return the source that a request names. Raises AgentError where it is missing or unreadable."""
    work_tree = repository.find(request.folder, request.environ)
    path = os.path.join(request.folder, request.file) if request.file else _only_usual_file(work_tree.top)
    name = request.file or _relative_to(request.folder, path)
    content = pipeline_file.read_file(path, name)
    if request.committed and not work_tree.head:
        raise UsageError("--committed needs a commit, and this repository has none yet")
    return PipelineSource(work_tree, name, content)


def read(
    source: PipelineSource, request: RunRequest, variables: Mapping[str, str], changed: Changed
) -> "tuple[Dict[str, Any], List[str]]":
    """Return the pipeline's normalised document, and what to warn of. Raises AgentError for what cannot be run.

    `variables` are those that a job uploading the pipeline would see; `changed` tells the changed files, None where
    that is not known.
    """
    normalised = read_pipeline(source.content, source.name, {**request.environ, **variables, **request.env})
    warnings = list(normalised.warnings)
    if_changed.apply(normalised.typed, changed, warnings.append)
    document = normalise.to_wire(normalised.typed)
    if request.step:
        document = selection.only(document, request.step)
    try:
        problems = _problems(steps_reader.read(document))
    except PipelineError as wrong:
        raise PipelineError(f"{source.name}: {wrong}") from None
    if problems:
        raise AgentError(f"{source.name}: {problems[0]}")
    return document, warnings + _left_out(document)


def variables(source: PipelineSource, commit: str, number: int) -> "Dict[str, str]":
    """Return what a job that uploads the pipeline would see of the build."""
    repository = source.repository
    return {
        "CI": "true",
        "BUILDKITE": "true",
        bootstrap.BRANCH.env[0]: repository.branch,
        build_variables.COMMIT: commit,
        build_variables.MESSAGE: repository.message,
        build_variables.AUTHOR: repository.author,
        build_variables.AUTHOR_EMAIL: repository.author_email,
        build_variables.NUMBER: str(number),
        bootstrap.ORGANIZATION.env[0]: ORGANIZATION,
        bootstrap.PIPELINE.env[0]: source.slug,
        build_variables.PIPELINE_NAME: source.slug,
        build_variables.DEFAULT_BRANCH: repository.branch,
        bootstrap.PULL_REQUEST.env[0]: "false",
        build_variables.SOURCE: "local",
        bootstrap.TAG.env[0]: "",
    }


def _problems(pipeline: Pipeline) -> "List[str]":
    """Return a sentence for each thing that cannot be honoured. Raises PipelineError for what is wrong."""
    if not pipeline.steps:
        raise PipelineError("the pipeline has no steps")
    decodable.check(pipeline)
    notifications.check(pipeline)
    graph.check(pipeline)
    for step, _ in pipeline.walk():
        try:
            evaluate.check(step.condition)
        except PipelineError as wrong:
            raise PipelineError(f"{step.name}: {wrong}") from None
    return unsupported.refusals(pipeline) + not_honoured(pipeline)


def not_honoured(pipeline: Pipeline) -> "List[str]":
    """Return a sentence for what this control plane could do but a local run cannot, in a file or in an upload."""
    problems = known_attributes.unknown_attributes(pipeline)
    for step, _ in pipeline.walk():
        if isinstance(step, (BlockStep, InputStep)):
            kind = "block" if isinstance(step, BlockStep) else "input"
            problems.append(f"{step.name}: {kind} steps wait for a person, which `local run` cannot honour yet")
    return problems


def _left_out(document: Mapping[str, Any]) -> "List[str]":
    """Return a warning for each attribute that a local run ignores: it would notify others, choose machines, or cache.

    Each is named once, whether the pipeline, a step or a step of a group has it.
    """
    steps = [step for step in document["steps"] if isinstance(step, Mapping)]
    steps += [inner for step in steps for inner in step.get("steps") or [] if isinstance(inner, Mapping)]
    named = {name for part in (document, *steps) for name in part}
    sentences = {
        "notify": "notify: a local run sends no notifications",
        "agents": "agents: every step runs on this machine",
        "cache": "cache: a local run keeps no caches",
    }
    return [sentence for name, sentence in sentences.items() if name in named]


def _relative_to(folder: str, path: str) -> str:
    """Return a path as seen from the folder, or unchanged if it is outside of it."""
    relative = os.path.relpath(path, folder)
    return path if relative.startswith("..") else relative


def _only_usual_file(top: str) -> str:
    """Return the path of the only pipeline file at the usual places of a work tree. Raises UsageError."""
    paths = [path for path in pipeline_file.PLACES if os.path.isfile(os.path.join(top, path))]
    if not paths:
        raise UsageError(
            f"{top} has no pipeline file; expected .buildkite/pipeline.yml, "
            f"or name one: {program_name()} local run FILE"
        )
    if len(paths) > 1:
        raise UsageError(
            f"{top} has more than one pipeline file ({', '.join(paths)}); name one: {program_name()} local run FILE"
        )
    return os.path.join(top, *paths[0].split("/"))
