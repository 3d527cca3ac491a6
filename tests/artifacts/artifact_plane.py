"""A control plane, as small as can be, whose artifacts are in custom destinations: records, states, a search."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, List, Sequence

from tests.fakes.scripted_server import Answer, Request, ScriptedServer


class ArtifactPlane:
    """`records` of the artifacts that were created, `states` by their ids; a `with` statement runs the server."""

    def __init__(self) -> None:
        self.records: Dict[str, Dict[str, Any]] = {}
        self.states: Dict[str, str] = {}
        self._lock = threading.Lock()
        self.server = ScriptedServer({
            "POST /jobs/j/artifacts": self._create, "PUT /jobs/j/artifacts": self._update,
            "GET /builds/b/artifacts/search": self._search,
        })  # fmt: skip

    def __enter__(self) -> ArtifactPlane:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    @property
    def by_path(self) -> Dict[str, Dict[str, Any]]:
        """The records by the paths of their artifacts."""
        return {record["path"]: record for record in self.records.values()}

    def command(self, program: Sequence[str], *words: str) -> List[str]:
        """Return the command line of an upload or a download."""
        return [*program, "artifact", *words, "--endpoint", self.server.url, "--agent-access-token", "t", "--no-color"]

    def run(
        self, program: Sequence[str], folder: Path, environ: Dict[str, str], *words: str, expect: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        """Run an upload or a download in a folder."""
        whole = {"PATH": "/usr/bin:/bin", "HOME": str(folder.parent), "LANG": "C.UTF-8", **environ}
        done = subprocess.run(
            self.command(program, *words), cwd=folder, env=whole, stdin=subprocess.DEVNULL, capture_output=True,
            encoding="utf-8", errors="replace", timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == expect, done.stderr
        assert "Traceback" not in done.stderr
        return done

    def _create(self, request: Request) -> Answer:
        document = request.document
        with self._lock:
            ids = [f"id{len(self.records) + at}" for at in range(len(document["artifacts"]))]
            common = {"upload_destination": document["upload_destination"]}
            self.records.update((id, {**common, **record}) for id, record in zip(ids, document["artifacts"]))
        instructions = {
            "action": {"url": self.server.url, "method": "POST", "path": "x", "file_input": "f"},
            "data": {},
        }
        return Answer(201, {"id": document["id"], "artifact_ids": ids, "upload_instructions": instructions})

    def _update(self, request: Request) -> Answer:
        with self._lock:
            self.states.update({change["id"]: change["state"] for change in request.document["artifacts"]})
        return Answer(200, {})

    def _search(self, request: Request) -> Answer:
        with self._lock:
            return Answer(200, [{**record, "id": id, "job_id": "j"} for id, record in self.records.items()])
