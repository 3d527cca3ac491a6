"""The body of a request for a build, checked. `bkagent build create` sends the same, or creates the build itself."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.records import BuildFilter, NewBuild
from bkagent.controlplane.scheduling import branches
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader

if TYPE_CHECKING:
    from bkagent.controlplane.plane.plane import Plane
    from bkagent.controlplane.records import Build, PipelineEntry


@dataclass(frozen=True)
class BuildRequest:
    """A build to be created. `pipeline`: its steps in wire form; None for those of its pipeline."""

    branch: str
    commit: str
    pipeline: Any = None
    message: str = ""
    repository: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    meta_data: Mapping[str, str] = field(default_factory=dict)
    author: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    clean_checkout: bool = False
    pull_request: Mapping[str, Any] = field(default_factory=dict)
    ignore_branch_filters: bool = False

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> "BuildRequest":
        """Check a decoded body. Raises WireError, or HttpError 422 for what is missing."""
        reader = Reader(document, "build")
        missing = [{"field": name, "code": "missing"} for name in ("commit", "branch") if not document.get(name)]
        if missing:
            raise HttpError(422, "Validation Failed", details={"errors": missing})
        author = reader.inner("author")
        pull = {
            "id": document.get("pull_request_id"), "base": reader.text("pull_request_base_branch", ""),
            "repository": reader.text("pull_request_repository", ""),
            "labels": list(reader.texts("pull_request_labels")),
        }  # fmt: skip
        return cls(
            branch=reader.text("branch"), commit=reader.text("commit"), pipeline=document.get("pipeline"),
            message=reader.text("message", ""), repository=reader.text("repository", ""),
            env=_scalars(reader.fields("env"), "env"), meta_data=reader.text_map("meta_data"),
            author={"name": author.text("name", ""), "email": author.text("email", "")} if author else {},
            tag=reader.text("tag", ""), clean_checkout=reader.flag("clean_checkout"),
            pull_request=pull if pull["id"] else {},
            ignore_branch_filters=reader.flag("ignore_pipeline_branch_filters"),
        )  # fmt: skip

    def to_wire(self) -> Dict[str, Any]:
        """Return the body."""
        return {
            "branch": self.branch, "commit": self.commit, "pipeline": self.pipeline, "message": self.message,
            "repository": self.repository, "env": dict(self.env), "meta_data": dict(self.meta_data),
            "author": dict(self.author), "tag": self.tag, "clean_checkout": self.clean_checkout,
        }  # fmt: skip

    def create(self, plane: "Plane", pipeline_slug: str, creator: Optional[Mapping[str, str]] = None) -> "Build":
        """Create the build; `creator` has a "name" and an "email".

        Raises PlaneError, or HttpError 422 if the pipeline has no build to take the steps of.
        """
        document = self.pipeline
        if document is None:
            document = _stored(plane, pipeline_slug)
        if document is None:
            last = plane.builds.find(BuildFilter(pipeline_slug), limit=1)
            if not last:
                raise HttpError(422, 'the first build of a pipeline needs its steps: send them as "pipeline"')
            document = plane.builds.document(last[0].id)
        if not self.ignore_branch_filters:
            _check_branch(plane, pipeline_slug, self.branch)
        new = NewBuild(
            pipeline_slug, document, branch=self.branch, commit=self.commit, message=self.message, env=self.env,
            repository=self.repository, meta_data=self.meta_data, author=self.author, tag=self.tag,
            clean_checkout=self.clean_checkout, pull_request=self.pull_request, creator=creator or {},
        )  # fmt: skip
        return plane.builds.create(new)


def _stored(plane: "Plane", pipeline_slug: str) -> Optional[Mapping[str, Any]]:
    """Return the document of the pipeline's own configuration; None where it has none. Raises HttpError 422."""
    from bkagent.controlplane.web.rest_api.pipeline_request import read_configuration

    entry = _existing(plane, pipeline_slug)
    return read_configuration(plane, entry.configuration) if entry is not None and entry.configuration else None


def _check_branch(plane: "Plane", pipeline_slug: str, branch: str) -> None:
    """Raise HttpError 422 where the pipeline has no builds of this branch."""
    entry = _existing(plane, pipeline_slug)
    patterns = str(entry.settings.get("branch_configuration") or "").split() if entry is not None else []
    if patterns and not branches.matches(patterns, branch):
        problem = {"field": "branch", "code": "is not among the branches that the pipeline builds"}
        raise HttpError(422, "Validation Failed", details={"errors": [problem]})


def _existing(plane: "Plane", pipeline_slug: str) -> "Optional[PipelineEntry]":
    try:
        return plane.pipelines.get(pipeline_slug)
    except NotFound:
        return None


def _scalars(values: Mapping[str, Any], name: str) -> Dict[str, str]:
    """Return values as texts: clients send numbers and true for variables."""
    texts: Dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, (dict, list)):
            raise HttpError(422, f"{name}.{key} must be a string, a number, true or false")
        if value is not None:
            texts[key] = value if isinstance(value, str) else json.dumps(value)
    return texts
