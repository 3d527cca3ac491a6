"""Logs of jobs, while they run and after: as JSON, as bytes, as HTML."""

from __future__ import annotations

from bkagent.controlplane.web.context import Site
from bkagent.controlplane.web.downloads import log_body
from bkagent.controlplane.web.rest_api import access
from bkagent.controlplane.web.rest_api.access import RestRoute
from bkagent.controlplane.web.rest_api.header_times import header_times
from bkagent.controlplane.web.ui import log_view
from bkagent.controlplane.web.ui.terminal.lines import log_html
from bkagent.transport.server.answer import Answer, Headers, json_answer, text_answer
from bkagent.transport.server.byte_range import read_range
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

JSON_BYTES = 64 << 20
_PLAIN, _HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"


def log(site: Site, request: Request) -> Answer:
    """Return a log in the form that the Accept header names, else as JSON."""
    accept = request.headers.get("accept", "")
    if "text/plain" in accept or request.method == "HEAD":  # which is for the size of the bytes
        return plain(site, request)
    if "text/html" in accept:
        return as_html(site, request)
    job = access.job_of(site, request)
    if site.plane.logs.size(job.id) > JSON_BYTES:
        raise HttpError(422, f"the log has more than {JSON_BYTES} bytes, too much for JSON; ask for text/plain")
    content = site.plane.logs.read(job.id, 0, JSON_BYTES)
    url = site.base_url(request) + request.head.target.partition("?")[0]
    times = header_times(site.plane.logs.header_times(job.id), content)
    text = content.decode("utf-8", "replace")
    return json_answer(200, {"url": url, "content": text, "size": len(content), "header_times": times})


def plain(site: Site, request: Request) -> Answer:
    """Return a log's bytes as the job printed them, or a range of them."""
    job = access.job_of(site, request)
    size = site.plane.logs.size(job.id)
    part = read_range(request.headers.get("range", ""), size)
    headers: Headers = (("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"))
    if part is None:
        return Answer(200, log_body(site, job.id, 0, size), (("Content-Type", _PLAIN), *headers))
    offset, count = part
    headers += (("Content-Range", f"bytes {offset}-{offset + count - 1}/{size}"), ("Content-Type", _PLAIN))
    return Answer(206, log_body(site, job.id, offset, count), headers)


def as_html(site: Site, request: Request) -> Answer:
    """Return a log as lines of HTML, the last megabytes of a long one."""
    job = access.job_of(site, request)
    start = log_view.cut(site.plane.logs.size(job.id))
    content, _ = log_view.whole_lines(site.plane.logs.read(job.id, start), start)
    policy = (("Content-Security-Policy", "default-src 'none'; sandbox"), ("X-Content-Type-Options", "nosniff"))
    return text_answer(200, log_html(content).encode("utf-8", "replace"), _HTML, policy)


def delete(site: Site, request: Request) -> Answer:
    """Delete a log."""
    site.plane.logs.delete(access.job_of(site, request).id)
    return Answer(204)


ROUTES: "tuple[RestRoute, ...]" = (
    *access.both("GET", "/log", log, "read_build_logs"),
    *access.both("GET", "/log.txt", plain, "read_build_logs"),
    *access.both("GET", "/log.html", as_html, "read_build_logs"),
    *access.both("DELETE", "/log", delete, "write_build_logs"),
)
