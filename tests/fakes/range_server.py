"""Artifacts on a server that sends ranges, and breaks off where a test wants it to."""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, Optional

from tests.fakes.scripted_server import Answer, Raw, Request, ScriptedServer


class RangeServer:
    """Serves files by path, and a search that finds all of them.

    breaks   of each path: after how many bytes the next answers end; the connection is closed there
    ranges   the Range header of each request, by path; None without one
    etag     of all files
    heeds    whether ranges are heeded
    """

    def __init__(self, files: Dict[str, bytes], knows_sha256: bool = True, build: str = "/builds/b") -> None:
        self.server = ScriptedServer()
        self.files, self.etag, self.heeds = files, "", True
        self.breaks: Dict[str, List[int]] = {}
        self.ranges: Dict[str, List[Optional[str]]] = {path: [] for path in files}
        self.rows: List[Dict[str, Any]] = []
        for number, (path, content) in enumerate(files.items()):
            self.server.routes[f"GET /get/{number}"] = self._serves(path)
            sha256 = hashlib.sha256(content).hexdigest() if knows_sha256 else ""
            self.rows.append({
                "id": f"i{number}", "path": path, "file_size": len(content), "sha256sum": sha256,
                "url": f"{self.server.url}/get/{number}",
            })  # fmt: skip
        self.server.routes[f"GET {build}/artifacts/search"] = lambda request: Answer(200, self.rows)

    def __enter__(self) -> RangeServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def _serves(self, path: str) -> Any:
        return lambda request: self._answer(path, request)

    def _answer(self, path: str, request: Request) -> Any:
        content, asked = self.files[path], request.headers.get("range")
        self.ranges[path].append(asked)
        headers = {"ETag": self.etag} if self.etag else {}
        first, last = 0, len(content) - 1
        if asked and self.heeds and request.headers.get("if-range", self.etag) == self.etag:
            first_digits, _, last_digits = asked[len("bytes=") :].partition("-")
            first, last = int(first_digits), int(last_digits or last)
            if first >= len(content):
                return Answer(416, headers={"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        body, status = content[first : last + 1], 206 if "Content-Range" in headers else 200
        breaks = self.breaks.get(path)
        if not breaks:
            return Answer(status, body=body, headers=headers)
        lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *(f"{n}: {v}" for n, v in headers.items())]
        return Raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body[: breaks.pop(0)])
