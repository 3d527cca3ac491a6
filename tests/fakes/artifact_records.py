"""A control plane that keeps records of artifacts and nothing else: for uploads to stores, by whichever agent."""

from __future__ import annotations

from typing import Any, Dict, List

from tests.fakes.scripted_server import Answer, Request, ScriptedServer


class ArtifactRecords:
    """Use as `with ArtifactRecords() as plane`. `records` has each record with its destination, `states` by id."""

    def __init__(self) -> None:
        self.records: List[Dict[str, Any]] = []
        self.states: Dict[str, str] = {}
        self._server = ScriptedServer({
            "POST /v3/jobs/j/artifacts": self._create, "PUT /v3/jobs/j/artifacts": self._update,
            "GET /v3/builds/b/artifacts/search": lambda request: Answer(200, self.records),
        })  # fmt: skip
        self.variables = {
            "BUILDKITE_AGENT_ENDPOINT": self._server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "t",
            "BUILDKITE_JOB_ID": "j", "BUILDKITE_BUILD_ID": "b",
        }  # fmt: skip

    def __enter__(self) -> ArtifactRecords:
        return self

    def __exit__(self, *parts: object) -> None:
        self._server.__exit__(*parts)

    def _create(self, request: Request) -> Answer:
        destination, created = request.document["upload_destination"], request.document["artifacts"]
        ids = [f"id{len(self.records) + at}" for at in range(len(created))]
        self.records += [
            {**record, "id": id, "upload_destination": destination} for id, record in zip(ids, created)
        ]  # fmt: skip
        return Answer(201, {"id": request.document["id"], "artifact_ids": ids})

    def _update(self, request: Request) -> Answer:
        self.states.update((change["id"], change["state"]) for change in request.document["artifacts"])
        return Answer(200, {})
