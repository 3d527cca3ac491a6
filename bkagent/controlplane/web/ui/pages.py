"""The pages and their paths."""

from __future__ import annotations

import time
from typing import Optional, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.records import Build, BuildFilter, Job
from bkagent.controlplane.web import downloads
from bkagent.controlplane.web.context import Route, Site, install
from bkagent.controlplane.web.downloads import log_body
from bkagent.controlplane.web.ui import (
    access,
    annotation_view,
    assets,
    build_page,
    builds_page,
    forms,
    live,
    log_view,
    login,
    words,
)
from bkagent.controlplane.web.ui.layout import Crumbs, page
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.transport.request_head import HttpError
from bkagent.transport.routing import Router
from bkagent.wire.digits import is_whole
from bkagent.wire.human_size import format_size

PER_PAGE = 30


def add_pages(router: Router, site: Site) -> None:
    """Add every page to the router. Paths of other organizations are not found."""
    organization = site.plane.organization
    routes = [(method, pattern.replace("{org}", organization), handler) for method, pattern, handler in ROUTES]
    install(router, site, routes, access.may_read)
    install(router, site, (*OPEN_ROUTES, *login.ROUTES))


def error_page(site: Site, request: Request, problem: HttpError) -> Answer:
    """Return an error as a page for people; for a missing session, the login form."""
    if problem.status == 401 and request.method in ("GET", "HEAD"):
        return login.form_page(site, request, request.head.target, status=401).with_headers(problem.headers)
    content = fill("<h1>{status}</h1><p>{text}</p>", status=problem.status, text=problem)
    shown = page(f"Error {problem.status}", (("Builds", "/"),), content, status=problem.status)
    return shown.with_headers(problem.headers)


def builds(site: Site, request: Request) -> Answer:
    """All builds, or those of one pipeline."""
    slug = request.parameters.get("pipeline", "")
    events = _events_path(site, "/-/live")
    if slug:
        site.plane.pipelines.get(slug)
    wanted = BuildFilter(slug)
    number = request.value("page", "1")
    page_number = int(number) if is_whole(number, 8) else 1
    page_number = max(page_number, 1)
    pages_count = max(1, -(-site.plane.builds.count(wanted) // PER_PAGE))
    records = site.plane.builds.find(wanted, limit=PER_PAGE, offset=(page_number - 1) * PER_PAGE)
    path = f"/{site.plane.organization}/{slug}" if slug else "/"
    content = join(
        [
            fill("<h1>{title}</h1>", title=f"Builds of {slug}" if slug else "Builds"),
            builds_page.builds_table(site, records, time.time()),
            builds_page.page_links(path, page_number, pages_count),
        ]
    )
    crumbs: Crumbs = (("Builds", "/"), ("Agents", "/-/agents"))
    return _page(site, request, "Builds", crumbs, content, events if page_number == 1 else "")


def build(site: Site, request: Request) -> Answer:
    """One build."""
    path = site.build_path(_build(site, request))
    events = _events_path(site, f"{path}/live")
    record = _build(site, request)
    now = time.time()
    jobs = site.plane.jobs.of_build(record.id)
    content = join(
        [
            build_page.heading(site, record, now),
            build_page.unsent_notifications(site.plane.steps.unsent_notifications(record.id)),
            annotation_view.sections(site, site.plane.annotations.find(record.id)),
            build_page.jobs_table(site, record, jobs, now),
            build_page.artifacts_table(site, record, site.plane.artifacts.find(build_id=record.id)),
        ]
    )
    title = f"{record.pipeline_slug} #{record.number}"
    return _page(site, request, title, _crumbs(site, record), content, "" if record.finished else events)


def job(site: Site, request: Request) -> Answer:
    """One job: its log, its artifacts."""
    record, job_ = _job(site, request)
    path = f"{site.build_path(record)}/jobs/{job_.id}"
    start = log_view.cut(site.plane.logs.size(job_.id))
    log, start = log_view.whole_lines(site.plane.logs.read(job_.id, start, log_view.SHOWN_BYTES), start)
    following = not job_.final
    content = join(
        [
            _job_heading(job_),
            annotation_view.sections(site, site.plane.annotations.find(record.id, job_id=job_.id)),
            _cut_note(path, start),
            fill(
                '<div class="log term-container" id="log">{log}</div>',
                log=log_view.log_view(read_lines(log) if log else (), live=following),
            ),
            fill('<p><a href="{path}/log.txt">The whole log as text</a></p>', path=path),
            build_page.artifacts_table(site, record, site.plane.artifacts.find(job_id=job_.id)),
        ]
    )
    name = build_page.job_name(job_)
    events = f"{path}/live?start={start}&offset={start + len(log)}" if following else ""
    title = f"{name} - {record.pipeline_slug} #{record.number}"
    return _page(site, request, title, _crumbs(site, record), content, events)


def _job_heading(job_: Job) -> Html:
    facts = [build_page.job_state(job_), build_page.exit_text(job_), fill("{reason}", reason=job_.reason)]
    if job_.started_at is not None:
        facts.append(fill("Started {at}", at=words.moment(job_.started_at)))
        facts.append(fill("Took {took}", took=words.between(job_.started_at, job_.finished_at, time.time())))
    items = join(fill("<li>{fact}</li>", fact=fact) for fact in facts if fact)
    return fill('<h1>{name}</h1>\n<ul class="facts">{items}</ul>', name=build_page.job_name(job_), items=items)


def _cut_note(path: str, start: int) -> Html:
    if not start:
        return NOTHING
    text = '<p class="soft">The first {size} of the log are not shown here.</p>'
    return fill(text, size=format_size(start))


def artifact(site: Site, request: Request) -> Answer:
    """The bytes of an artifact, to save."""
    record = _build(site, request)
    artifact_ = site.plane.artifacts.get(request.parameters["artifact"])
    if artifact_.build_id != record.id:
        raise NotFound("No artifact found")
    return downloads.send(site, request, artifact_)


def log_text(site: Site, request: Request) -> Answer:
    """A log as the job printed it."""
    _, job_ = _job(site, request)
    headers = (
        ("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; sandbox"), ("Cache-Control", "no-store"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    )  # fmt: skip
    return Answer(200, log_body(site, job_.id), headers)


def agents(site: Site, request: Request) -> Answer:
    """The agents that are connected or stopping."""
    events = _events_path(site, "/-/live")
    records = site.plane.sessions.find()
    paths = []
    for agent in records:
        job_ = site.plane.jobs.get(agent.job_id) if agent.job_id else None
        paths.append(f"{site.build_path(site.plane.builds.get(job_.build_id))}/jobs/{job_.id}" if job_ else "")
    content = join([fill("<h1>Agents</h1>"), builds_page.agents_table(records, paths)])
    return _page(site, request, "Agents", (("Builds", "/"), ("Agents", "/-/agents")), content, events)


def live_all(site: Site, request: Request) -> Answer:
    """Changes of any build or agent."""
    return live.follow_build(site, "", _since(request), lambda: access.is_reader(site, request))


def live_build(site: Site, request: Request) -> Answer:
    """Changes of one build."""
    since = _since(request)
    return live.follow_build(site, _build(site, request).id, since, lambda: access.is_reader(site, request))


def live_job(site: Site, request: Request) -> Answer:
    """Changes of one log."""
    _, job_ = _job(site, request)
    numbers = [request.value(name, "0") for name in ("start", "offset")]
    if not all(is_whole(number, 15) for number in numbers):
        raise HttpError(400, "start and offset must be whole numbers")
    start, offset = (int(number) for number in numbers)
    shown_from, offset = max(start, offset - log_view.SHOWN_BYTES), max(start, offset)
    return live.follow_log(site, job_.id, shown_from, offset, lambda: access.is_reader(site, request))


def _events_path(site: Site, path: str) -> str:
    """Return the path of the events of a page that is about to read what it shows."""
    return f"{path}?since={site.plane.feed.revision}"


def _since(request: Request) -> Optional[int]:
    text = request.value("since")
    if text and not is_whole(text, 20):
        raise HttpError(400, "since must be a whole number")
    return int(text) if text else None


def _page(site: Site, request: Request, title: str, crumbs: Crumbs, content: Html, events: str) -> Answer:
    """Return a page for the reader of a request, who can log out where there is a session."""
    session = access.session_of(site, request)
    leave = forms.form(session, "/-/logout", fill("<button>Log out</button>")) if session else NOTHING
    return page(title, crumbs, content, events_path=events, aside=leave, with_forms=session is not None)


def _crumbs(site: Site, record: Build) -> Crumbs:
    organization = site.plane.organization
    return (
        ("Builds", "/"),
        (record.pipeline_slug, f"/{organization}/{record.pipeline_slug}"),
        (f"#{record.number}", site.build_path(record)),
    )


def _build(site: Site, request: Request) -> Build:
    number = request.parameters["number"]
    if not is_whole(number, 15):
        raise NotFound("No build found")
    return site.plane.builds.by_number(request.parameters["pipeline"], int(number))


def _job(site: Site, request: Request) -> Tuple[Build, Job]:
    record = _build(site, request)
    job_ = site.plane.jobs.get(request.parameters["job"])
    if job_.build_id != record.id:
        raise NotFound("No job found")
    return record, job_


_BUILD = "/{org}/{pipeline}/builds/{number}"
ROUTES: "tuple[Route, ...]" = (
    ("GET", "/", builds),
    ("GET", "/{org}", builds),
    ("GET", "/{org}/{pipeline}", builds),
    ("GET", "/{org}/{pipeline}/builds", builds),
    ("GET", _BUILD, build),
    ("GET", _BUILD + "/live", live_build),
    ("GET", _BUILD + "/artifacts/{artifact}", artifact),
    ("GET", _BUILD + "/jobs/{job}", job),
    ("GET", _BUILD + "/jobs/{job}/live", live_job),
    ("GET", _BUILD + "/jobs/{job}/log.txt", log_text),
    ("GET", "/-/agents", agents),
    ("GET", "/-/live", live_all),
)
# Open without a login, and the same for all.
OPEN_ROUTES: "tuple[Route, ...]" = (("GET", "/-/style.css", assets.style_sheet), ("GET", "/-/live.js", assets.script))
