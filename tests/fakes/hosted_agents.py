"""The agents of an organization as the hosted REST API has them, over real HTTP: list, read, stop, pause, resume.

with HostedAgents("one", "two") as hosted:   `hosted.url`, and `hosted.agents`, the documents that a test may change
    hosted.answers.append(Answer(503))       the next request gets this answer instead
"""

from __future__ import annotations

import uuid
from typing import Any, Dict, List
from urllib.parse import parse_qsl

from tests.fakes.scripted_server import Answer, Request, ScriptedServer

TOKEN, ORGANIZATION = "bkua_hosted", "acme"
AGENTS = f"/v2/organizations/{ORGANIZATION}/agents"


class HostedAgents(ScriptedServer):
    """Serves the agents; `limits` are the headers of its answers."""

    def __init__(self, *names: str) -> None:
        super().__init__({"*": self._route})
        self.agents = [agent(name) for name in names]
        self.answers: List[Any] = []
        self.limits: Dict[str, str] = {"RateLimit-Remaining": "200", "RateLimit-Reset": "60"}

    def _route(self, request: Request) -> Any:
        if self.answers:
            return self.answers.pop(0)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self._error(401, "Authentication required. Please supply a valid API Access Token")
        if request.line == "GET /v2/organizations":
            return Answer(200, [{"slug": ORGANIZATION}], headers=self.limits)
        if request.line == f"GET {AGENTS}":
            return self._listed(dict(parse_qsl(request.query)))
        id, _, action = request.path[len(AGENTS) + 1 :].partition("/")
        for form in self.agents:
            if form["id"] == id and request.path.startswith(AGENTS):
                return self._changed(form, action, request) if action else Answer(200, form, headers=self.limits)
        return self._error(404, "No agent found")

    def _listed(self, query: Dict[str, str]) -> Answer:
        forms = [form for form in self.agents if form["connection_state"] in ("connected", "stopping")]
        for name in ("name", "hostname", "version"):
            forms = [form for form in forms if query.get(name, form[name]) == form[name]]
        per_page = int(query["per_page"])
        start = (int(query["page"]) - 1) * per_page
        return Answer(200, forms[start : start + per_page], headers=self.limits)

    def _changed(self, form: Dict[str, Any], action: str, request: Request) -> Answer:
        if action == "stop":
            if form["connection_state"] != "connected":
                return self._error(400, "Can only stop connected agents")
            form["connection_state"] = "stopping"
        elif form["paused"] == (action == "pause"):
            return self._error(422, f"Agent is {'already' if form['paused'] else 'not'} paused")
        else:
            form.update(paused=action == "pause", paused_note=request.document.get("note"))
        return Answer(204, headers=self.limits)

    def _error(self, status: int, message: str) -> Answer:
        return Answer(status, {"message": message}, headers=self.limits)


def agent(name: str, **fields: Any) -> Dict[str, Any]:
    """Return the document of an agent that is connected and has no job."""
    return {
        "id": str(uuid.uuid4()), "name": name, "connection_state": "connected", "hostname": "h\x1b",
        "version": "3.138.3", "queue": "q", "priority": None, "job": None, "meta_data": ["queue=q"], "paused": False,
        "paused_note": None, "connected_at": "2026-01-01T00:00:00.000Z", "last_job_finished_at": None, **fields,
    }  # fmt: skip
