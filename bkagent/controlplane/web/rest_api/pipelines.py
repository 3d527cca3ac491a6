"""Pipelines: names under which builds are numbered. Their steps come with each build."""

from __future__ import annotations

from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.rest_api import forms
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.paging import Page
from bkagent.transport.answer import Answer, json_answer
from bkagent.transport.request import Request


def pipelines(site: Site, request: Request) -> Answer:
    """List pipelines; `name` and `repository` narrow the list."""
    name, repository = request.value("name").lower(), request.value("repository").lower()
    entries = [
        entry
        for entry in site.plane.pipelines.all()
        if name in entry.name.lower() and repository in entry.repository.lower()
    ]
    base = site.base_url(request)
    page = Page.of(request)
    forms_of_page = [forms.pipeline(site, base, entry) for entry in page.cut(entries)]
    return page.answer(site, request, forms_of_page, len(entries))


def pipeline(site: Site, request: Request) -> Answer:
    """Return one pipeline."""
    entry = site.plane.pipelines.get(request.parameters["pipeline"])
    return json_answer(200, forms.pipeline(site, site.base_url(request), entry))


ROUTES: "tuple[RestRoute, ...]" = (
    ("GET", "/v2/organizations/{org}/pipelines", pipelines, "read_pipelines"),
    ("GET", "/v2/organizations/{org}/pipelines/{pipeline}", pipeline, "read_pipelines"),
)
