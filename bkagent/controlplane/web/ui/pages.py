"""The pages and their paths."""

from __future__ import annotations

import time
from typing import Optional, Sequence, Tuple
from urllib.parse import quote, urlencode

from bkagent.controlplane.api_tokens import OPERATOR
from bkagent.controlplane.errors import NotFound, Rejected
from bkagent.controlplane.records import Build, BuildFilter, Job
from bkagent.controlplane.web import downloads
from bkagent.controlplane.web.context import Route, Site, install
from bkagent.controlplane.web.downloads import log_body
from bkagent.controlplane.web.ui import (
    access,
    agent_pages,
    agents_view,
    annotation_view,
    assets,
    block_forms,
    build_page,
    builds_page,
    forms,
    live,
    log_view,
    login,
    queues_page,
    reader_pages,
    words,
)
from bkagent.controlplane.web.ui.block_forms import NOT_REFUSED, RefusedAnswers
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.layout import BUILDS, Crumbs, Frame
from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill, join
from bkagent.controlplane.web.ui.terminal.lines import read_lines
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.transport.server.routing import Router
from bkagent.wire.digits import is_whole
from bkagent.wire.human_size import format_size

PER_PAGE = 30
JOBS_PER_PAGE = 200


def add_pages(router: Router, site: Site) -> None:
    """Add every page to the router. Paths of other organizations are not found."""
    organization = site.plane.organization
    routes, form_routes = (
        [(method, pattern.replace("{org}", organization), handler) for method, pattern, handler in table]
        for table in ((*ROUTES, *agent_pages.ROUTES, *queues_page.ROUTES), (*FORM_ROUTES, *agent_pages.FORM_ROUTES))
    )
    install(router, site, routes, access.may_read)
    install(router, site, (*form_routes, *OPEN_ROUTES, *login.ROUTES))


def error_page(site: Site, request: Request, problem: HttpError) -> Answer:
    """Return an error as a page for people; for a missing session, the login form."""
    if problem.status == 401:
        to = request.head.target if request.method in ("GET", "HEAD") else "/"
        return login.form_page(site, request, to, status=401).with_headers(problem.headers)
    title = fill("<h1>{title}</h1>", title=_ERRORS.get(problem.status, f"Error {problem.status}"))
    content = fill('{title}\n<p>{text}</p>\n<p><a href="/">All builds</a></p>', title=title, text=problem)
    shown = reader_pages.answer(
        site, request, Frame(f"Error {problem.status}", _NOWHERE), content, status=problem.status
    )
    return shown.with_headers(problem.headers)


_ERRORS = {403: "Not permitted", 404: "Not found"}
_NOWHERE = ("", "")


def builds(site: Site, request: Request) -> Answer:
    """All builds, or those of one pipeline."""
    slug = request.parameters.get("pipeline", "")
    events = reader_pages.events_path(site, "/-/live")
    if slug:
        site.plane.pipelines.get(slug)
    wanted = BuildFilter(slug)
    number = reader_pages.page_number(request)
    pages_count = max(1, -(-site.plane.builds.count(wanted) // PER_PAGE))
    records = site.plane.builds.find(wanted, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    path = _pipeline_path(site, slug) if slug else "/"
    content = join(
        [
            fill("<h1>{title}</h1>", title=f"Builds of {slug}" if slug else "Builds"),
            builds_page.builds_table(site, records, time.time()),
            builds_page.page_links(path, number, pages_count, "Newer", "Older"),
        ]
    )
    crumbs: Crumbs = (BUILDS, (slug, path)) if slug else ()
    frame = Frame("Builds", BUILDS, crumbs, events if number == 1 else "")
    return reader_pages.answer(site, request, frame, content)


def build(site: Site, request: Request) -> Answer:
    """One build."""
    return _show_build(site, request, NOT_REFUSED)


def unblock(site: Site, request: Request) -> Answer:
    """Let a build go on after a block step; where an answer is refused, show the form again."""
    forms.refuse_when_open(site)
    fields = forms.read_checked(site, request, forms.ANSWERS_BYTES, forms.ANSWERS_COUNT)
    record, job_ = _job(site, request)
    answers = block_forms.answers_of(site.plane.jobs.questions(job_.id), fields)
    try:
        site.plane.jobs.unblock(job_.id, fields=answers, unblocker=str(OPERATOR))
    except Rejected as problem:
        if site.plane.jobs.get(job_.id).state != "blocked":
            raise
        return _show_build(site, request, RefusedAnswers(job_.id, str(problem), answers), status=problem.status)
    return forms.see_other(site.build_path(record))


def _show_build(site: Site, request: Request, refused: RefusedAnswers, *, status: int = 200) -> Answer:
    path = site.build_path(_build(site, request))
    events = reader_pages.events_path(site, f"{path}/live")
    record, session = _build(site, request), access.session_of(site, request)
    jobs = [job for job in site.plane.jobs.of_build(record.id) if job.type != "waiter"]
    blocked = [job for job in jobs if job.type == "manual" and job.state == "blocked"] if session else []
    content = [
        build_page.heading(site, record, time.time()),
        build_page.unsent_notifications(site.plane.steps.unsent_notifications(record.id)),
        annotation_view.sections(site, site.plane.annotations.find(record.id)),
    ]
    if session:
        steps = [(job, site.plane.jobs.questions(job.id)) for job in blocked[: block_forms.FORMS_COUNT]]
        content.append(block_forms.sections(path, steps, session, refused))
    content.append(_jobs(site, request, record, jobs))
    content.append(build_page.artifacts_table(site, record, site.plane.artifacts.find(build_id=record.id)))
    title = f"{record.pipeline_slug} #{record.number}"
    frame = Frame(title, BUILDS, _crumbs(site, record), "" if record.finished else events)
    return reader_pages.answer(site, request, frame, join(content), status=status)


def _jobs(site: Site, request: Request, record: Build, jobs: Sequence[Job]) -> Html:
    """Return a page of a build's jobs, of one state or of all."""
    if not jobs:
        return Html('<h2>Jobs</h2>\n<p class="empty">This build has no jobs.</p>')
    path, state = site.build_path(record), request.value("state")
    chosen = [job for job in jobs if not state or build_page.state_word(job) == state]
    number, pages_count = reader_pages.page_number(request), max(1, -(-len(chosen) // JOBS_PER_PAGE))
    shown = chosen[(number - 1) * JOBS_PER_PAGE : number * JOBS_PER_PAGE]
    reasons = site.plane.queues.reasons(shown)
    link = path + (f"?{urlencode({'state': state})}" if state else "")
    return join(
        [
            Html("<h2>Jobs</h2>"),
            build_page.job_counts(path, jobs, state),
            build_page.jobs_table(site, record, shown, reasons, time.time())
            if shown
            else Html('<p class="empty">No job has this state.</p>'),
            builds_page.page_links(link, number, pages_count),
        ]
    )


def job(site: Site, request: Request) -> Answer:
    """One job: its log, its artifacts."""
    record, job_ = _job(site, request)
    path = site.job_path(record, job_.id)
    start = log_view.cut(site.plane.logs.size(job_.id))
    log, start = log_view.whole_lines(site.plane.logs.read(job_.id, start, log_view.SHOWN_BYTES), start)
    following = not job_.final
    content = join(
        [
            _job_heading(site, job_),
            annotation_view.sections(site, site.plane.annotations.find(record.id, job_id=job_.id)),
            Html("<h2>Log</h2>"),
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
    events = f"{path}/live?start={start}&offset={start + len(log)}&state={job_.state}" if following else ""
    title = f"{name} - {record.pipeline_slug} #{record.number}"
    crumbs = (*_crumbs(site, record), (name, path))
    return reader_pages.answer(site, request, Frame(title, BUILDS, crumbs, events), content)


def _job_heading(site: Site, job_: Job) -> Html:
    reason = "; ".join(filter(None, (job_.reason, site.plane.queues.reasons([job_]).get(job_.id, ""))))
    agent = site.plane.sessions.get(job_.agent_id) if job_.agent_id else None
    facts = [
        ("State", build_page.job_state(job_)),
        ("Result", build_page.exit_text(job_)),
        ("Because", fill("{reason}", reason=with_emoji(reason))),
        ("Agent", agents_view.agent_link(agent) if agent else NOTHING),
        ("Started", words.moment(job_.started_at)),
        ("Took", words.between(job_.started_at, job_.finished_at, time.time())),
    ]
    return fill("<h1>{name}</h1>\n{facts}", name=build_page.job_name(job_), facts=build_page.definitions(facts))


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
    return live.follow_log(
        site, job_.id, shown_from, offset, request.value("state"), lambda: access.is_reader(site, request)
    )


def _since(request: Request) -> Optional[int]:
    text = request.value("since")
    if text and not is_whole(text, 20):
        raise HttpError(400, "since must be a whole number")
    return int(text) if text else None


def _pipeline_path(site: Site, slug: str) -> str:
    return f"/{quote(site.plane.organization, safe='')}/{quote(slug, safe='')}"


def _crumbs(site: Site, record: Build) -> Crumbs:
    pipeline = (record.pipeline_slug, _pipeline_path(site, record.pipeline_slug))
    return (BUILDS, pipeline, (f"#{record.number}", site.build_path(record)))


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
    ("GET", "/-/live", live_all),
)
# Each of these checks itself that a session's form was sent.
FORM_ROUTES: "tuple[Route, ...]" = (("POST", _BUILD + "/jobs/{job}/unblock", unblock),)
# Open without a login, and the same for all.
OPEN_ROUTES: "tuple[Route, ...]" = (("GET", "/-/style.css", assets.style_sheet), ("GET", "/-/live.js", assets.script))
