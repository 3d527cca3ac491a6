"""Logs: chunks in any order, and the times of header lines."""

from __future__ import annotations

from bkagent.controlplane.records import Caller
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError

_KEPT = json_answer(201, {})


def chunk(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep a chunk if it is whole: its body has a stated length and inflates to the stated size."""
    sequence, offset, size = (access.whole(request, name) for name in ("sequence", "offset", "size"))
    if not request.head.has_length:
        raise HttpError(411, "a chunk needs a Content-Length, so that a partial chunk is never taken for a whole one")
    # `append` looks at the job again, at the same moment as at what is there of its log.
    request.after_body = lambda: None
    data = request.read(limits.CHUNK_BYTES)
    site.plane.logs.append(caller.job_id, sequence, offset, size, data, caller.agent_id)
    return _KEPT


def header_times(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep when header lines were printed."""
    site.plane.logs.put_header_times(caller.job_id, access.fields(request, "header times").text_map("header_times"))
    return _KEPT
