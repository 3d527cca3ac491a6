"""Steps and builds as the commands of jobs see them: read an attribute, cancel."""

from __future__ import annotations

import json
import re
from typing import Any

from bkagent.controlplane.records import Caller, StepEntry
from bkagent.controlplane.scheduling.states import NOT_STARTED
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

_PRIORITY = re.compile(r"[+-]?[0-9]{1,9}")
# Attributes that are read from the step as it was uploaded, and the names they may have there.
_FROM_DOCUMENT = {
    "agents": ("agents",), "command": ("command", "commands"), "concurrency_key": ("concurrency_group",),
    "concurrency_limit": ("concurrency",), "depends_on": ("depends_on",), "env": ("env",), "if": ("if",),
    "notify": ("notify",), "parallelism": ("parallelism",), "timeout": ("timeout_in_minutes", "timeout"),
}  # fmt: skip


def export(site: Site, request: Request, caller: Caller) -> Answer:
    """Return one attribute of a step as text, or the whole step as JSON."""
    reader = access.fields(request, "step export")
    build_id = reader.text("build_id", "") or caller.build_id
    entry = site.plane.steps.get(build_id, request.parameters["step"])
    attribute = reader.text("attribute", "")
    if attribute:
        output = _attribute(site, entry, attribute)
    else:
        state, outcome = site.plane.steps.state(entry)
        output = {**site.plane.steps.document(entry.id), "id": entry.id, "state": state, "outcome": outcome}
    return json_answer(200, {"output": output if isinstance(output, str) else json.dumps(output)})


def _attribute(site: Site, entry: StepEntry, name: str) -> Any:
    if name in ("id", "key", "label"):
        return getattr(entry, name)
    if name == "type":
        return entry.kind
    if name in ("state", "outcome"):
        return site.plane.steps.state(entry)[name == "outcome"]
    if name not in _FROM_DOCUMENT:
        known = ", ".join(sorted(("id", "key", "label", "outcome", "state", "type", *_FROM_DOCUMENT)))
        raise HttpError(422, f'"{name[:100]}" is not an attribute of a step; the attributes are {known}')
    document = site.plane.steps.document(entry.id)
    return next((document[key] for key in _FROM_DOCUMENT[name] if document.get(key) is not None), "")


def update(site: Site, request: Request, caller: Caller) -> Answer:
    """Change the priority of a step's jobs that have not started. Nothing else of a step changes here."""
    reader = access.fields(request, "step update")
    entry = site.plane.steps.get(caller.build_id, request.parameters["step"])
    if reader.text("attribute", "") != "priority":
        raise HttpError(422, "this control plane can change only the priority of a step")
    text = reader.text("value", "")
    if not _PRIORITY.fullmatch(text):
        raise HttpError(422, "Priority must be an integer")
    for job in site.plane.jobs.of_build(caller.build_id, retried=False):
        if entry.id in (job.step_id, job.group_id) and job.type == "script" and job.state in NOT_STARTED:
            site.plane.jobs.reprioritize(job.id, int(text))
    return json_answer(200, {"id": entry.id})


def cancel_step(site: Site, request: Request, caller: Caller) -> Answer:
    """Cancel the jobs of a step."""
    return json_answer(200, {"uuid": site.plane.jobs.cancel_step(caller.build_id, request.parameters["step"]).id})


def cancel_build(site: Site, request: Request, caller: Caller) -> Answer:
    """Cancel a build."""
    build = site.plane.builds.cancel(caller.build_id, reason="a job of the build asked for it")
    return json_answer(200, {"uuid": build.id})
