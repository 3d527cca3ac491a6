"""Pipelines: list, read, create, change, archive, delete."""

from __future__ import annotations

from typing import Any, Dict

from bkagent.controlplane.records import PipelineEntry
from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import access, forms, legacy_steps
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.controlplane.web.rest_api.pipeline_request import (
    PipelineRequest,
    missing,
    read_configuration,
    refuse,
    slug_of,
    taken,
)
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request


def pipelines(site: Site, request: Request) -> Answer:
    """List pipelines; `name` and `repository` narrow the list."""
    name, repository = request.value("name").lower(), request.value("repository").lower()
    entries = [
        entry
        for entry in site.plane.pipelines.all()
        if name in entry.name.lower() and repository in entry.repository.lower()
    ]
    page = Page.of(request)
    return page.answer(site, request, [_form(site, request, entry) for entry in page.cut(entries)], len(entries))


def pipeline(site: Site, request: Request) -> Answer:
    """Return one pipeline."""
    return json_answer(200, _form(site, request, _named(site, request)))


def create(site: Site, request: Request) -> Answer:
    """Create a pipeline with the steps of its builds."""
    asked = PipelineRequest.from_wire(access.body(request))
    refuse(missing(name=asked.name, repository=asked.repository))
    slug = asked.slug or slug_of(asked.name or "")
    draft = site.plane.pipelines.draft(slug, repository=asked.repository or "")
    existing = site.plane.pipelines.all()
    if any(entry.slug == slug for entry in existing):
        refuse(taken("slug"))
    if any(entry.name == asked.name for entry in existing):
        refuse(taken("name"))
    read_configuration(site.plane, asked.configuration or "")
    entry = PipelineEntry(
        draft.id, slug, asked.name or slug, draft.repository, asked.default_branch or "main", draft.created_at,
        asked.configuration or "", settings=asked.settings,
    )  # fmt: skip
    site.plane.pipelines.add(entry)
    return json_answer(201, _form(site, request, entry))


def update(site: Site, request: Request) -> Answer:
    """Change what the request names. The slug stays: the numbers of builds and their URLs hang on it."""
    entry = _named(site, request)
    asked = PipelineRequest.from_wire(access.body(request))
    if asked.slug and asked.slug != entry.slug:
        refuse([{"field": "slug", "code": "cannot be changed on this server"}])
    if asked.name and any(other.name == asked.name and other.id != entry.id for other in site.plane.pipelines.all()):
        refuse(taken("name"))
    if asked.configuration is not None:
        read_configuration(site.plane, asked.configuration)
    # Only what is named: another request may change the rest at the same time.
    texts = {"name": asked.name, "repository": asked.repository, "default_branch": asked.default_branch}
    changes: Dict[str, Any] = {name: text for name, text in texts.items() if text}
    if asked.configuration is not None:
        changes["configuration"] = asked.configuration
    changed = site.plane.pipelines.change(entry.slug, settings=asked.settings, **changes)
    return json_answer(200, _form(site, request, changed))


def delete(site: Site, request: Request) -> Answer:
    """Delete a pipeline with its builds, their logs and artifacts."""
    site.plane.removal.remove_pipeline(_named(site, request).slug)
    return Answer(204)


def archive(site: Site, request: Request) -> Answer:
    """Let a pipeline have no further builds."""
    return json_answer(200, _form(site, request, site.plane.pipelines.archive(_named(site, request).slug)))


def unarchive(site: Site, request: Request) -> Answer:
    """Let a pipeline have builds again."""
    return json_answer(200, _form(site, request, site.plane.pipelines.unarchive(_named(site, request).slug)))


def _named(site: Site, request: Request) -> PipelineEntry:
    return site.plane.pipelines.get(request.parameters["pipeline"])


def _form(site: Site, request: Request, entry: PipelineEntry) -> Dict[str, Any]:
    form = forms.pipeline(site, site.base_url(request), entry)
    if entry.configuration:
        form["steps"] = legacy_steps.describe(read_configuration(site.plane, entry.configuration))
    return {**form, **site.plane.pipelines.counts(entry.slug)}


_ALL = "/v2/organizations/{org}/pipelines"
_NAMED = _ALL + "/{pipeline}"
ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", _ALL, pipelines, "read_pipelines"),
    ("POST", _ALL, create, "write_pipelines"),
    ("GET", _NAMED, pipeline, "read_pipelines"),
    ("PATCH", _NAMED, update, "write_pipelines"),
    ("DELETE", _NAMED, delete, "write_pipelines"),
    ("POST", _NAMED + "/archive", archive, "write_pipelines"),
    ("POST", _NAMED + "/unarchive", unarchive, "write_pipelines"),
)
