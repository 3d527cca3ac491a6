"""Meta-data of a build: read through any of its jobs or the build itself, written through a job."""

from __future__ import annotations

from typing import Dict

from bkagent.controlplane.records import Caller
from bkagent.controlplane.scheduling import limits
from bkagent.controlplane.web.agent_api import access
from bkagent.controlplane.web.context import Site
from bkagent.transport.server.answer import Answer, json_answer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire.reader import Reader


def set_one(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep one value."""
    reader = access.fields(request, "meta-data")
    site.plane.meta_data.put(caller.build_id, {reader.text("key"): reader.text("value", "")})
    return json_answer(200, {})


def set_batch(site: Site, request: Request, caller: Caller) -> Answer:
    """Keep several values, all or none."""
    document = request.json()
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise HttpError(400, "meta-data: items must be an array of keys and values")
    if len(items) > limits.META_DATA_KEYS_PER_BUILD:
        raise HttpError(422, f"a build keeps at most {limits.META_DATA_KEYS_PER_BUILD} meta-data keys")
    values: Dict[str, str] = {}
    for item in items:
        reader = Reader(item, "meta-data item")
        values[reader.text("key")] = reader.text("value", "")
    site.plane.meta_data.put(caller.build_id, values)
    return json_answer(200, {})


def get(site: Site, request: Request, caller: Caller) -> Answer:
    """Return the value of a key, 404 for an unknown key."""
    build_id = _build_id(site, request)
    key = access.fields(request, "meta-data").text("key")
    value = site.plane.meta_data.get(build_id, key)
    if value is None:
        raise HttpError(404, "No key found")
    return json_answer(200, {"key": key, "value": value})


def exists(site: Site, request: Request, caller: Caller) -> Answer:
    """Say whether a key has a value."""
    build_id = _build_id(site, request)
    key = access.fields(request, "meta-data").text("key")
    return json_answer(200, {"exists": site.plane.meta_data.get(build_id, key) is not None})


def keys(site: Site, request: Request, caller: Caller) -> Answer:
    """Return every key."""
    return json_answer(200, sorted(site.plane.meta_data.of_build(_build_id(site, request))))


def _build_id(site: Site, request: Request) -> str:
    if request.path[1] == "jobs":
        return site.plane.jobs.get(request.parameters["id"]).build_id
    return site.plane.builds.get(request.parameters["id"]).id
