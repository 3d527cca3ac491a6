"""The context of every handler of the control plane: the plane, and the addresses under which it can be reached."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Callable, Iterable, Optional, Tuple
from urllib.parse import quote

from bkagent.controlplane.login.links import LoginLinks
from bkagent.controlplane.login.sessions import LoginSessions
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.routing import Router

if TYPE_CHECKING:
    from bkagent.controlplane.attachments import ArtifactRecord
    from bkagent.controlplane.plane.plane import Plane
    from bkagent.controlplane.records import Build

ARTIFACT_TICKET_PURPOSE = "artifact"
UPLOAD_TICKET_PURPOSE = "upload"


class Site:
    """The plane behind this server, the sessions of its pages, and its URLs without a trailing slash.

    url            under which others reach the server
    local_url      where it listens
    any_address    whether it listens at every address of the machine, and no URL was configured
    hold_ping_s    how long a ping without news is held, so that work does not wait for the next one
    open_pages     whether users of this machine may read the pages without a login
    """

    def __init__(
        self, plane: "Plane", url: str, *, local_url: str = "", any_address: bool = False, hold_ping_s: float = 0.0,
        open_pages: bool = False,
    ) -> None:  # fmt: skip
        self.plane = plane
        self.url, self.local_url, self._any_address = url, local_url or url, any_address
        self.hold_ping_s = hold_ping_s
        self.open_pages = open_pages
        self.sessions = LoginSessions(plane.tokens, secure=url.lower().startswith("https://"))
        self.login_links = LoginLinks(plane.tokens)

    def base_url(self, request: Request) -> str:
        """Return the URL that absolute links begin with: never that of a client's Host header.

        If the server listens at every address, it is the address that this client has called.
        """
        if not self._any_address:
            return self.url
        return url_at(request.local, self.url.rpartition(":")[2])

    def build_path(self, build: "Build") -> str:
        """Return the path of a build's page."""
        return f"/{_segment(self.plane.organization)}/{_segment(build.pipeline_slug)}/builds/{build.number}"

    def job_path(self, build: "Build", job_id: str) -> str:
        """Return the path of a job's page."""
        return f"{self.build_path(build)}/jobs/{job_id}"

    def artifact_path(self, artifact: "ArtifactRecord", valid_s: int) -> str:
        """Return a path of an artifact's bytes that holds the permission to read them for so many seconds."""
        expires_at = int(time.time()) + valid_s
        ticket = self.plane.tokens.ticket(ARTIFACT_TICKET_PURPOSE, f"{artifact.id} {expires_at}")
        return f"/-/artifacts/{artifact.id}/{expires_at}/{ticket}"


def url_at(host: str, port: object) -> str:
    """Return the URL of a server at an address or name of this machine."""
    mapped = host[7:] if host.lower().startswith("::ffff:") and "." in host else host
    address = mapped.partition("%")[0]  # the name of an interface means nothing elsewhere
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


Route = Tuple[str, str, Callable[[Site, Request], Answer]]


def install(
    router: Router, site: Site, routes: Iterable[Route], check: Optional[Callable[[Site, Request], None]] = None
) -> None:
    """Add `routes` to the router, each behind `check`, which raises HttpError for callers without the right."""

    def guard(handler: Callable[[Site, Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            if check is not None:
                check(site, request)
            return handler(site, request)

        return answer

    for method, pattern, handler in routes:
        router.add(method, pattern, guard(handler))


def _segment(text: str) -> str:
    return quote(text, safe="")
