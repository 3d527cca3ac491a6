"""Agents of the REST API as people read them, and the client that commands ask for them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Sequence, Tuple

from bkagent.cli.in_job.client import request_log
from bkagent.config import paths
from bkagent.config.options import rest
from bkagent.controlplane import server_url
from bkagent.controlplane.tokens import Tokens
from bkagent.errors import ConfigError, UsageError
from bkagent.remote.rest_agents import RestAgents
from bkagent.remote.rest_client import RestClient
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cli.command import Call

_HEADS = ("NAME", "STATE", "JOB", "QUEUE", "HOST", "VERSION", "PRIORITY", "ID")


@contextmanager
def agents(call: Call) -> Iterator[RestAgents]:
    """Yield the agents of the server that the options name. Raises UsageError, ConfigError and as `RestClient.call`."""
    endpoint, token = _server(call)
    client = RestClient(endpoint, token, call.environ, request_log(call))
    try:
        yield RestAgents(client, call.settings[rest.ORGANIZATION])
    finally:
        client.close()


def _server(call: Call) -> Tuple[str, str]:
    """Return the URL of the server, and the token."""
    settings = call.settings
    token = settings[rest.TOKEN].reveal()
    if not settings[rest.DATA]:
        if not token:
            raise UsageError("set --token, or the environment variable BUILDKITE_API_TOKEN; or --data")
        return settings[rest.ENDPOINT], token
    folder = paths.expand(settings[rest.DATA], call.environ)
    url = server_url.read(folder)
    if not url:
        raise ConfigError(f"no server runs on the data folder {folder}")
    return url, token or Tokens(os.path.join(folder, "tokens")).api


def table(forms: Sequence[Dict[str, Any]]) -> List[str]:
    """Return a line for each agent, below the names of the columns."""
    rows = [_HEADS, *(_row(form) for form in forms)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def details(form: Dict[str, Any]) -> List[str]:
    """Return the lines that describe one agent."""
    rows = dict(zip(_HEADS, _row(form)))
    rows["TAGS"] = one_line(", ".join(map(str, form.get("meta_data") or ())))
    for head, name in (("CONNECTED", "connected_at"), ("LAST JOB", "last_job_finished_at"), ("PAUSED", "paused_note")):
        rows[head] = one_line(str(form.get(name) or "-"))
    return [f"{head + ':':<11} {text}".rstrip() for head, text in rows.items()]


def _row(form: Dict[str, Any]) -> Tuple[str, ...]:
    job = form.get("job")
    state = "paused" if form.get("paused") else str(form.get("connection_state"))
    name = str(job.get("name") or job.get("command") or job.get("id")) if isinstance(job, dict) else "-"
    cells = [form.get("name"), state, name[:40], form.get("queue"), form.get("hostname"), form.get("version")]
    cells += [form.get("priority"), form.get("id")]
    return tuple("-" if cell is None else one_line(str(cell)) for cell in cells)
