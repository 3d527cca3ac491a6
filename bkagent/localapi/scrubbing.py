"""Takes secrets out of what the commands of a job tell the control plane: also those that only the job's process knows.

The commands have taken out the values of variables themselves. What `redactor add` names, what a secret of the cluster
is, and what a hook has changed meanwhile is known here. Pipelines are left alone: `pipeline upload` has a rule of its
own for them.
"""

from __future__ import annotations

import json
import re
from typing import Callable

Scrub = Callable[[str], str]

# Requests with free text of the job, and the words in them that name things rather than say something.
_WITH_TEXT = re.compile(r"/?(?:(?:jobs|builds)/[^/]+/(?:annotations|data/set|data/set-batch)|(?:steps|jobs)/[^/]+)")
_NAMES = frozenset(("key", "uuid", "context", "attribute", "style", "scope"))


def scrubbed(method: str, path: str, body: bytes, scrub: Scrub) -> bytes:
    """Return the body of a request without secrets; as it is where the request is none with a text of the job's."""
    if method not in ("POST", "PUT", "PATCH") or not body or not _WITH_TEXT.fullmatch(path.partition("?")[0]):
        return body
    try:
        document = json.loads(body)
    except ValueError:
        return scrub(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    clean = _walk(document, scrub)
    return body if clean == document else json.dumps(clean).encode()


def _walk(value: object, scrub: Scrub) -> object:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_walk(item, scrub) for item in value]
    if isinstance(value, dict):
        return {name: item if name in _NAMES else _walk(item, scrub) for name, item in value.items()}
    return value
