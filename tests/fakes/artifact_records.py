"""A control plane that keeps records of artifacts and nothing else: for uploads to stores, by whichever agent."""

from __future__ import annotations

from typing import Any, Dict, List

from tests.fakes.scripted_server import Answer, Request, ScriptedServer


class ArtifactRecords:
    """Use as `with ArtifactRecords() as plane`. `records` has each record with its destination, `states` by id."""

    def __init__(self) -> None:
        self.records: List[Dict[str, Any]] = []
        self.states: Dict[str, str] = {}
        self._batches: Dict[str, List[str]] = {}  # a batch that is sent again has the ids it had
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
        document = request.document
        if document["id"] not in self._batches:
            self._batches[document["id"]] = self._add(document["upload_destination"], document["artifacts"])
        return Answer(201, {"id": document["id"], "artifact_ids": self._batches[document["id"]]})

    def _add(self, destination: str, created: List[Dict[str, Any]]) -> List[str]:
        ids = [f"id{len(self.records) + at}" for at in range(len(created))]
        self.records += [
            {**record, "id": id, "upload_destination": destination} for id, record in zip(ids, created)
        ]  # fmt: skip
        return ids

    def _update(self, request: Request) -> Answer:
        self.states.update((change["id"], change["state"]) for change in request.document["artifacts"])
        return Answer(200, {})
