"""What every handler of the control plane is given: the plane, and the addresses under which it can be reached."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Callable, Iterable, Optional, Tuple
from urllib.parse import quote

from bkagent.transport.answer import Answer
from bkagent.transport.request import Request
from bkagent.transport.routing import Router

if TYPE_CHECKING:
    from bkagent.controlplane.plane import Plane
    from bkagent.controlplane.records import Artifact, Build

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
ARTIFACT_TICKET_PURPOSE = "artifact"
UPLOAD_TICKET_PURPOSE = "upload"


class Site:
    """The plane behind this server, and the server's own URL without a trailing slash.

    hold_ping_s   how long a ping without news is held, so that work does not wait for the next one
    """

    def __init__(self, plane: "Plane", url: str, hold_ping_s: float = 0.0) -> None:
        self.plane = plane
        self.url = url
        self.hold_ping_s = hold_ping_s

    def base_url(self, request: Request) -> str:
        """Return the URL under which this client reaches the server, so that it can follow what it is told."""
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            return self.url
        scheme = "https" if request.headers.get("x-forwarded-proto", "").lower() == "https" else "http"
        return f"{scheme}://{host}"

    def build_path(self, build: "Build") -> str:
        """Return the path of a build's page."""
        return f"/{_segment(self.plane.organization)}/{_segment(build.pipeline_slug)}/builds/{build.number}"

    def artifact_path(self, artifact: "Artifact", valid_s: int) -> str:
        """Return a path of an artifact's bytes that holds the permission to read them for so many seconds."""
        until = int(time.time()) + valid_s
        ticket = self.plane.tokens.ticket(ARTIFACT_TICKET_PURPOSE, f"{artifact.id} {until}")
        return f"/-/artifacts/{artifact.id}/{until}/{ticket}"


Route = Tuple[str, str, Callable[[Site, Request], Answer]]


def install(
    router: Router, site: Site, routes: Iterable[Route], check: Optional[Callable[[Site, Request], None]] = None
) -> None:
    """Add `routes` to the router, each behind `check`, which raises HttpError for callers that may not."""

    def bound(handler: Callable[[Site, Request], Answer]) -> Callable[[Request], Answer]:
        def answer(request: Request) -> Answer:
            if check is not None:
                check(site, request)
            return handler(site, request)

        return answer

    for method, pattern, handler in routes:
        router.add(method, pattern, bound(handler))


def _segment(text: str) -> str:
    return quote(text, safe="")
