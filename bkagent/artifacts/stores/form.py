"""The multipart form by which the control plane's own storage takes a file: the fields, then the file."""

from __future__ import annotations

import os

from bkagent.artifacts.stores.store import WholeRequest
from bkagent.errors import AgentError
from bkagent.transport.client import address
from bkagent.transport.client.connection import head_start
from bkagent.transport.client.http_client import checked_headers
from bkagent.wire.artifacts import Artifact, Instructions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_PATH = "${artifact:path}"


class Form:
    """The forms of a batch: they differ in the file and its name. `after` is what follows the file."""

    def __init__(self, instructions: Instructions, user_agent: str, boundary: Optional[str] = None) -> None:
        action, boundary = instructions.action, boundary or os.urandom(24).hex()
        self.instructions = instructions
        self.method, self.url = action.method or "POST", _with_path(action.url, action.path)
        self.headers = {"User-Agent": user_agent, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        fields = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(name)}"\r\n\r\n{value}\r\n'
            for name, value in instructions.data.items()
        )
        self._around_paths = fields.split(_PATH)
        self._file = f'--{boundary}\r\nContent-Disposition: form-data; name="{_quote(action.file_input)}"; filename="'
        self.after = f"\r\n--{boundary}--\r\n".encode("ascii")
        self._address = address.parse(self.url)
        sent = checked_headers(self.headers)
        self._head = head_start(self.method, self._address.target, self._address, sent) + b"\r\nContent-Length: "

    def before(self, artifact: Artifact) -> bytes:
        """Return what stands before the file."""
        text = f'{artifact.path.join(self._around_paths)}{self._file}{_quote(artifact.path)}"\r\n'
        return (text + "Content-Type: application/octet-stream\r\n\r\n").encode("utf-8", "replace")

    def request(self, artifact: Artifact, content: bytes) -> WholeRequest:
        """Return the request that uploads a file with this content."""
        before, after = self.before(artifact), self.after
        size = b"%d\r\n\r\n" % (len(before) + len(content) + len(after))
        data = b"".join((self._head, size, before, content, after))
        return WholeRequest(self.method, self.url, self._address, self.headers["Content-Type"], data)


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "%0D").replace("\n", "%0A")


def _with_path(url: str, path: str) -> str:
    """Return the URL of the host of `url`, with its query and another path."""
    path = path if path.startswith("/") else "/" + path
    plain = address.parse_plain(url)
    if plain is not None:
        query = plain.target.partition("?")[2]
        return f"{plain.scheme}://{plain.authority}{path}" + (f"?{query}" if query else "")
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise AgentError(f"the control plane's upload instructions have a URL that cannot be read: {problem}") from None
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
