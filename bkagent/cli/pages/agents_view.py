"""Agents of the REST API as people read them, and the client that commands ask for them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from bkagent.cli.in_job.client import argument, request_log
from bkagent.cli.pages import table_layout
from bkagent.cli.pages.table_layout import Row
from bkagent.config import paths
from bkagent.config.options import rest
from bkagent.controlplane import server_url
from bkagent.controlplane.tokens import Tokens
from bkagent.errors import Refused, Unreachable, UsageError
from bkagent.remote.rest.rest_agents import RestAgents
from bkagent.remote.rest.rest_client import RestClient
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cli.command import Call
    from bkagent.report import Report

_HEADS = ("NAME", "STATE", "JOB", "QUEUE", "HOST", "VERSION", "PRIORITY", "ID")
# The columns that a narrow terminal does without, the least useful first.
_EXPENDABLE = ("ID", "PRIORITY", "VERSION", "HOST", "QUEUE")


@contextmanager
def agents(call: Call, report: Optional[Report] = None) -> Iterator[RestAgents]:
    """Yield the agents of the server that the options name. Raises UsageError and as `RestClient.call`.

    `report` is told when a request is over the rate limit and waits, by default in the log.
    """
    endpoint, token = _server(call)
    client = RestClient(endpoint, token, call.environ, report or call.report, request_log(call))
    try:
        yield _of_organization(client, call.settings[rest.ORGANIZATION])
    finally:
        client.close()


def _of_organization(client: RestClient, organization: str) -> RestAgents:
    try:
        return RestAgents(client, organization)
    except Refused as problem:
        if problem.status == 403 and not organization:  # the scope to list organizations is missing, and not needed
            raise Refused(f"{problem}; or name the organization with --organization", problem.status) from problem
        raise


def put(call: Call, action: str, document: Mapping[str, Any]) -> int:
    """Stop, pause or resume the agent that the first argument names; return the exit status. Raises as `agents`."""
    agent = argument(call, 0, "AGENT")
    with agents(call) as those:
        those.put(agent, action, document)
    return 0


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
        raise Unreachable(f"no server runs on the data folder {folder}")
    return url, token or Tokens(os.path.join(folder, "tokens")).api


def rows(forms: Sequence[Dict[str, Any]]) -> List[Row]:
    """Return the cells of a table of agents, the names of the columns first."""
    return [_HEADS, *map(_row, forms)]


def gone(row: Row) -> Row:
    """Return the row of an agent that is no longer listed."""
    return (row[0], "gone", "-", *row[3:])


def table(rows: Sequence[Row], columns_count: Optional[int] = None) -> List[str]:
    """Return a line for each row. Where they are wider than that, columns are left out."""
    return table_layout.lines(rows, columns_count, _EXPENDABLE)


def details(form: Dict[str, Any]) -> List[str]:
    """Return the lines that describe one agent."""
    cells = dict(zip(_HEADS, _row(form)))
    cells["TAGS"] = one_line(", ".join(map(str, form.get("meta_data") or ())))
    for head, name in (("CONNECTED", "connected_at"), ("LAST JOB", "last_job_finished_at"), ("PAUSED", "paused_note")):
        cells[head] = one_line(str(form.get(name) or "-"))
    return [f"{head + ':':<11} {text}".rstrip() for head, text in cells.items()]


def _row(form: Dict[str, Any]) -> Row:
    job = form.get("job")
    state = "paused" if form.get("paused") else str(form.get("connection_state"))
    name = str(job.get("name") or job.get("command") or job.get("id")) if isinstance(job, dict) else "-"
    cells = [form.get("name"), state, name[:40], form.get("queue"), form.get("hostname"), form.get("version")]
    cells += [form.get("priority"), form.get("id")]
    return tuple("-" if cell is None else one_line(str(cell)) for cell in cells)
