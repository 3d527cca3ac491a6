"""Takes secrets out of the requests that the commands of a job send through its process.

The commands have taken out the values of variables themselves. What `redactor add` names, what a secret of the cluster
is, and what a hook has changed meanwhile is known here. The rule is `redaction.outbound`.
"""

from __future__ import annotations

import json
from typing import Callable, Dict, Mapping

from bkagent.redaction import outbound

Scrub = Callable[[str], str]


def scrub_body(target: str, body: bytes, scrub: Scrub) -> bytes:
    """Return the body of a request without secrets; byte for byte the same if it has no secrets."""
    if not body:
        return body
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return scrub(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    clean = outbound.clean_document(target, document, scrub)
    return body if clean == document else json.dumps(clean).encode()


def scrub_headers(headers: Mapping[str, str], requested_headers: Mapping[str, str], scrub: Scrub) -> Dict[str, str]:
    """Return a request's headers without secrets; those that the control plane itself asked for stay."""
    asked_for = frozenset(requested_headers.values())
    return {name: value if value in asked_for else scrub(value) for name, value in headers.items()}
