"""Agents as the REST API has them: list, read, stop, pause, resume."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping
from urllib.parse import quote

from bkagent.errors import AgentError, WireError
from bkagent.remote.rest.rest_client import RestClient


class RestAgents:
    """The agents of one organization. Every call raises as `RestClient.call`."""

    def __init__(self, client: RestClient, organization: str = "") -> None:
        """Use the first organization that the token sees unless one is named."""
        self._client = client
        self._path = f"{client.organization_path(organization)}/agents"
        self._list_requests_count = 1

    def list(self, filters: Mapping[str, str]) -> List[Dict[str, Any]]:
        """Return the agents that are connected or stopping; `filters` are name, hostname and version."""
        count_before = self._client.requests_count
        forms = self._client.every(self._path, {name: text for name, text in filters.items() if text})
        self._list_requests_count = self._client.requests_count - count_before
        return forms

    def pace_s(self) -> float:
        """Return how long to wait before the next `list`, as the rate limits of the server have it."""
        return self._client.pace_s(self._list_requests_count)

    def get(self, agent: str) -> Dict[str, Any]:
        """Return an agent by its id, or a connected one by its name. Raises AgentError where several have the name."""
        if "-" in agent and len(agent) == 36:
            form = self._client.call("GET", f"{self._path}/{quote(agent, safe='')}")
            if not isinstance(form, dict):
                raise WireError("the server's answer does not describe an agent")
            return form
        named = [form for form in self.list({"name": agent}) if form.get("name") == agent]
        if len(named) != 1:
            ids = ", ".join(str(form.get("id")) for form in named)
            raise AgentError(f"several agents have the name {agent}: {ids}" if named else f"no agent {agent} found")
        return named[0]

    def put(self, agent: str, action: str, document: Mapping[str, Any]) -> None:
        """Stop, pause or resume an agent, named as for `get`."""
        agent_id = str(self.get(agent).get("id"))
        self._client.call("PUT", f"{self._path}/{quote(agent_id, safe='')}/{action}", document, has_document=False)
