"""The control plane over HTTP: the Agent API, the REST API and the pages, on one port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional, Union

from bkagent.controlplane.errors import DiskFull, PlaneError
from bkagent.controlplane.login import links
from bkagent.controlplane.web import rest_api
from bkagent.controlplane.web.agent_api import table as agent_api
from bkagent.controlplane.web.context import Site, url_at
from bkagent.controlplane.web.disk_full_report import DiskFullReport
from bkagent.controlplane.web.rest_api import answer_headers
from bkagent.controlplane.web.ui.access import is_loopback
from bkagent.controlplane.web.ui.pages import add_pages, error_page
from bkagent.errors import WireError
from bkagent.transport.event_server.event_server import EventServer
from bkagent.transport.event_server.tcp_listener import TcpListener
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import BadRequest, HttpError, RequestHead
from bkagent.transport.server.routing import Router

if TYPE_CHECKING:
    from bkagent.controlplane.plane.plane import Plane
    from bkagent.report import Report

# Addresses that mean every address of a machine, and one that clients of the same machine can call.
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}

_QUICK = ("/v3/ping", "/v3/heartbeat")


class Server:
    """Serves a plane until stopped. It does not close the plane."""

    def __init__(
        self, plane: "Plane", host: str, port: int, report: Report, *, url: str = "",
        hold_ping_s: float = 0.0, open_pages: bool = False,
    ) -> None:  # fmt: skip
        """Listen; port 0 takes any free port. Raises ConfigError.

        url           under which others reach this server, if that is not the address it listens at
        hold_ping_s   how long a ping waits for work
        open_pages    let users of this machine read the pages without a login
        """
        self._report, self._disk_full_report = report, DiskFullReport(report, plane.folder)
        listener = TcpListener(host, port)
        self._http = EventServer(listener, self._answer, report, begin_instant=self._begin_instant, is_quick=_is_quick)
        any_address = listener.address in _EVERYWHERE
        name = _EVERYWHERE.get(listener.address, host)
        self.is_loopback = is_loopback(listener.address)
        self.local_url = url_at(name, listener.port)
        self.url = url.rstrip("/") or self.local_url
        self._site = site = Site(
            plane, self.url, local_url=self.local_url, any_address=any_address and not url,
            hold_ping_s=hold_ping_s, open_pages=open_pages,
        )  # fmt: skip
        self._router = Router()
        agent_api.install(self._router, site)
        rest_api.install(self._router, site)
        add_pages(self._router, site)
        plane.job_envs.web_url = self.url

    @property
    def endpoint(self) -> str:
        """Return the URL of the Agent API, for `--endpoint`."""
        return f"{self.url}/v3"

    @property
    def login_key(self) -> str:
        """Return the key that login links are made with, "" if the pages are open."""
        return "" if self._site.open_pages else self._site.login_links.key

    def login_url(self) -> str:
        """Return a URL that logs a browser in a single time, within ten minutes."""
        return links.link(self.url, self._site.login_links.new_secret())

    def lasting_login_url(self, to: str) -> str:
        """Return a URL that logs in and leads to a page of this server any number of times, until it ends."""
        return links.link(self.url, self._site.login_links.lasting_secret(), to)

    def start(self) -> None:
        """Begin to answer."""
        self._http.start()

    def stop(self) -> None:
        """Let requests under way end, for a few seconds at most, then close everything."""
        self._http.stop()

    def _begin_instant(self, head: RequestHead) -> Optional[Callable[[], None]]:
        """Let the thread that waits for requests answer a quick one, if the store is free; return what ends that."""
        lock = self._site.plane.ledger.db.lock
        return lock.release if _is_quick(head) and lock.acquire(blocking=False) else None

    def _answer(self, request: Request) -> Union[Answer, Later]:
        try:
            try:
                return self._router.answer(request)
            except DiskFull as problem:
                self._disk_full_report.note(str(problem))
                raise HttpError(problem.status, "the disk of the server is full; try again later") from problem
            except PlaneError as problem:
                if problem.status >= 500:  # a broken disk, say: the operator learns of it as well as the client
                    # Without the query, which may hold the secret of a login link.
                    self._report("error", f"{request.method} {request.head.target.partition('?')[0]}: {problem}")
                raise HttpError(problem.status, str(problem)) from problem
            except WireError as problem:
                raise HttpError(400, str(problem)) from problem
        except BadRequest:
            raise
        except HttpError as problem:
            if request.path[:1] == ("v2",):
                return answer_headers.refusal(request, problem)
            if request.path[:1] == ("v3",) or "text/html" not in request.headers.get("accept", ""):
                raise
            return error_page(self._site, request, problem)


def _is_quick(head: RequestHead) -> bool:
    """Say whether a request is one of those that agents send most, which take no time."""
    return head.target in _QUICK


def listens_on_loopback(host: str) -> bool:
    """Say whether a server that listens at `host` can be reached from this machine alone."""
    return host.lower() == "localhost" or is_loopback(host)
