"""The head of a request to a local service: read as over TCP, with a limit of its own on the body."""

from __future__ import annotations

from bkagent.transport import request_head
from bkagent.transport.request_head import BadRequest, RequestHead

BODY_LIMIT_BYTES = 32 * 1024 * 1024  # the largest thing sent is a pipeline or an annotation, each a few MiB at most


def parse_head(head: bytes) -> RequestHead:
    """Return the request that `head` (everything before the blank line) describes. Raises BadRequest."""
    found = request_head.parse_head(head)
    if found.body_bytes is not None and found.body_bytes > BODY_LIMIT_BYTES:
        raise BadRequest(413, f"a request body may have at most {BODY_LIMIT_BYTES} bytes")
    return found
