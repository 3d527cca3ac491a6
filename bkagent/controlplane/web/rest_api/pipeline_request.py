"""The body of a request to create or change a pipeline, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional

from bkagent.controlplane.errors import Rejected
from bkagent.controlplane.plane.plane import Plane
from bkagent.controlplane.web.rest_api import legacy_steps
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.errors import PipelineError
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader

_CONFIGURATION_CHARACTERS = 1 << 20
_TEXT_CHARACTERS = 1000
_SLUG_CHARACTERS = 100
# Attributes that are kept and shown.
_TEXTS = ("description", "branch_configuration", "emoji", "color")
# Attributes that would have an effect which this server does not have, and the values that mean none.
_WITHOUT_EFFECT: Mapping[str, Any] = {
    "skip_queued_branch_builds": False, "skip_queued_branch_builds_filter": "",
    "cancel_running_branch_builds": False, "cancel_running_branch_builds_filter": "", "allow_rebuilds": True,
    "visibility": "private", "clone_mirror_url": "", "default_command_step_timeout": 0,
    "maximum_command_step_timeout": 0,
}  # fmt: skip
_NO_STEPS = 'Step configuration is missing, expected `steps: { yaml: "..." }`'


@dataclass(frozen=True)
class PipelineRequest:
    """A pipeline as a request has it; what it does not name is None, or missing in `settings`."""

    name: Optional[str]
    slug: Optional[str]
    repository: Optional[str]
    default_branch: Optional[str]
    configuration: Optional[str]
    settings: Mapping[str, Any]

    @classmethod
    def from_wire(cls, document: Mapping[str, Any]) -> "PipelineRequest":
        """Check a decoded body. Raises WireError, or HttpError 422 for what this server cannot do."""
        read = Reader(document, "pipeline")
        names = ("name", "slug", "repository", "default_branch", "configuration")
        texts = {name: read.text(name, "") if document.get(name) is not None else None for name in names}
        refuse([_problem(name, "is not supported by this server") for name in _effects(document)])
        if document.get("steps") and not texts["configuration"]:
            texts["configuration"] = _configuration_of(document["steps"])
        settings: Dict[str, Any] = {
            name: read.text(name, "")[:_TEXT_CHARACTERS] for name in _TEXTS if document.get(name) is not None
        }
        if document.get("tags") is not None:
            settings["tags"] = [tag[:_TEXT_CHARACTERS] for tag in read.texts("tags")[:100]]
        return cls(settings=settings, **texts)


def read_configuration(plane: Plane, text: str) -> Mapping[str, Any]:
    """Return the document that a build runs. Variables stay as they are: jobs expand them. Raises HttpError 422."""
    if not text.strip():
        refuse([_problem("configuration", _NO_STEPS)])
    if len(text) > _CONFIGURATION_CHARACTERS:
        refuse([_problem("configuration", f"has more than {_CONFIGURATION_CHARACTERS} characters")])
    try:
        document = read_pipeline(text, "configuration", {}, interpolate=False).document
        plane.uploads.check(document, ())
    except (PipelineError, Rejected) as error:
        refuse([_problem("configuration", str(error))])
    return document


def _configuration_of(steps: Any) -> str:
    try:
        if not isinstance(steps, list):
            raise ValueError("must be a list of objects; send `configuration` for steps in YAML")
        return legacy_steps.configuration_of(steps)
    except ValueError as error:
        refuse([_problem("steps", str(error))])
        raise AssertionError from error


def slug_of(name: str) -> str:
    """Return the slug that a pipeline of this name has: lower case, one "-" for what is neither letter nor digit."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_SLUG_CHARACTERS].rstrip("-")


def refuse(problems: List[Dict[str, str]]) -> None:
    """Raise HttpError 422 for the problems, if there are any."""
    if problems:
        raise HttpError(422, "Validation Failed", details={"errors": problems})


def missing(**fields: Optional[str]) -> List[Dict[str, str]]:
    """Return a problem for each field that has no text."""
    return [_problem(name, "missing") for name, text in fields.items() if not text]


def taken(name: str) -> List[Dict[str, str]]:
    """Return the problem of a field whose value another pipeline has."""
    return [_problem(name, "already_exists")]


def _problem(name: str, code: str) -> Dict[str, str]:
    return {"field": name, "code": code}


def _effects(document: Mapping[str, Any]) -> List[str]:
    return [name for name, none in _WITHOUT_EFFECT.items() if document.get(name) is not None and document[name] != none]
