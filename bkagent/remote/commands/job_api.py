"""The client of the Job API: the job's environment, working directory and redactions. On the short path."""

from bkagent.errors import AgentError
from bkagent.remote import local_http
from bkagent.wire import go_decoding, json_text, upstream_protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

_LIMIT_S = 60.0


class NotServed(AgentError):
    """The service is not available: its variables are not set, it is not listening, or it is too old."""


class JobApi:
    """A client of the service that the job's variables name."""

    __slots__ = ("_path", "_token")

    def __init__(self, environ: "Mapping[str, str]") -> None:
        """Read its address. Raises NotServed naming a missing variable."""
        for name in (upstream_protocol.SOCKET_VARIABLE, upstream_protocol.TOKEN_VARIABLE):
            if not environ.get(name):
                raise NotServed(f"{name} empty or undefined")
        self._path = environ[upstream_protocol.SOCKET_VARIABLE]
        self._token = environ[upstream_protocol.TOKEN_VARIABLE]

    def request(self, method: str, path: str, document: object = None) -> "Dict[str, Any]":
        """Return the decoded answer to one request; `path` is below the service's base, as "/env".

        Raises AgentError with the service's message if it refuses, NotServed if it cannot be reached.
        """
        return self._ask(method, upstream_protocol.JOB_API + path, document)

    def redacted(self, texts: "List[str]") -> "List[str]":
        """Return texts without the secrets that the job's process knows of. Raises as `request`."""
        clean = self._ask("POST", upstream_protocol.REDACTED, {"texts": texts}).get("texts")
        if not isinstance(clean, list) or len(clean) != len(texts):
            raise AgentError("the job's process answered with names it was not asked about")
        return clean

    def _ask(self, method: str, target: str, document: object) -> "Dict[str, Any]":
        body = b"" if document is None else json_text.dumps(document).encode("ascii") + b"\n"
        headers = {"Authorization": f"Bearer {self._token}"}
        if body:
            headers["Content-Type"] = "application/json"
        try:
            status, _, data = local_http.exchange(self._path, method, target, headers, body, _LIMIT_S)
        except local_http.NoSocket as problem:
            raise NotServed(f"cannot reach the job's local socket {problem}") from problem
        try:
            answer = go_decoding.loads(data)
        except (ValueError, UnicodeDecodeError):
            answer = None
        if status >= 400 or not isinstance(answer, dict):
            words = answer.get("error") if isinstance(answer, dict) else None
            error = NotServed if status in (404, 405) else AgentError
            raise error(f"API status {status}" + (f": {words}" if words else ""))
        return answer
