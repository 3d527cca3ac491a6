"""Artifactory, as far as it takes and gives files: it checks the password and every checksum, and keeps requests.

What it answers is what the documentation of its REST API says of "Deploy Artifact" and "Retrieve Artifact".
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any, Dict, List, Tuple
from urllib.parse import unquote

from tests.fakes.scripted_server import Answer, Request, ScriptedServer

USER, PASSWORD = "carol", "pass:wörd"


class Artifactory:
    """Use as `with Artifactory() as server`. `files` by path, below `/artifactory`; `faults` come first."""

    def __init__(self) -> None:
        self.files: Dict[str, bytes] = {}
        self.faults: List[Any] = []
        self._server = ScriptedServer({"*": self._answer})
        self.url = self._server.url + "/artifactory"

    def __enter__(self) -> Artifactory:
        return self

    def __exit__(self, *parts: object) -> None:
        self._server.__exit__(*parts)

    @property
    def seen(self) -> List[Request]:
        return self._server.seen

    @property
    def variables(self) -> Dict[str, str]:
        """The environment of a user of this server."""
        names = ("BUILDKITE_ARTIFACTORY_URL", "BUILDKITE_ARTIFACTORY_USER", "BUILDKITE_ARTIFACTORY_PASSWORD")
        return dict(zip(names, (self.url, USER, PASSWORD)))

    def _answer(self, request: Request) -> Any:
        if self.faults:
            return self.faults.pop(0)
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {pair}":
            return error(401, "Bad credentials")
        path = unquote(request.path)
        if not path.startswith("/artifactory/"):
            return error(404, "Not Found")
        path = path[len("/artifactory/") :]
        return self._take(path, request) if request.method == "PUT" else self._give(path, request)

    def _take(self, path: str, request: Request) -> Answer:
        for name in ("md5", "sha1", "sha256"):
            actual = hashlib.new(name, request.body).hexdigest()
            if request.headers.get(f"x-checksum-{name}") != actual:
                return error(
                    409, f"Checksum error: received '{request.headers.get(f'x-checksum-{name}')}', actual '{actual}'"
                )
        self.files[path] = request.body
        return Answer(201, {"uri": f"{self.url}/{path}"})

    def _give(self, path: str, request: Request) -> Answer:
        content = self.files.get(path)
        if content is None:
            return error(404, f"File not found: {path}")
        etag = hashlib.sha1(content).hexdigest()
        headers = {"ETag": etag, "X-Checksum-Sha256": hashlib.sha256(content).hexdigest()}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
        if not span or request.headers.get("if-range", etag) != etag:
            return Answer(200, body=content, headers=headers)
        start, end = _span(span.groups(), len(content))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        return Answer(206, body=content[start:end], headers=headers)


def _span(digits: Tuple[Any, ...], size: int) -> Tuple[int, int]:
    return int(digits[0]), min(int(digits[1]) + 1, size) if digits[1] else size


def error(status: int, message: str) -> Answer:
    """Return an answer as Artifactory has them."""
    return Answer(status, {"errors": [{"status": status, "message": message}]})
