"""The client of the hosted service's GraphQL API, as far as commands need it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from bkagent.errors import AgentError, WireError
from bkagent.remote.reply import read
from bkagent.transport.client.http_client import Pool
from bkagent.wire import go_decoding, json_text, shown_text
from bkagent.wire.reader import Reader

if TYPE_CHECKING:
    from bkagent.config.secret import Secret
    from bkagent.transport.client.request_log import RequestLog

TIMEOUT_S = 60.0
_LONGEST_MESSAGE = 1000


class GraphqlClient:
    """Sends operations to one endpoint with one token, each a single time."""

    def __init__(
        self, endpoint: str, token: Secret, environ: Mapping[str, str], user_agent: str,
        request_log: Optional[RequestLog] = None,
    ) -> None:  # fmt: skip
        """Connect at the first operation. Raises ConfigError for an endpoint that is no URL."""
        self._endpoint, self._token, self._user_agent = endpoint, token, user_agent
        self._pool = Pool(endpoint, environ, timeout_s=TIMEOUT_S, request_log=request_log)

    def run(self, operation: str, query: str, variables: Mapping[str, Any]) -> Reader:
        """Return the data of an operation. Raises AgentError, Unreachable or WireError."""
        document = {"query": query, "variables": dict(variables), "operationName": operation}
        headers = {
            "Authorization": f"Bearer {self._token.reveal()}", "Content-Type": "application/json",
            "Accept": "application/json", "User-Agent": self._user_agent,
        }  # fmt: skip
        body = json_text.dumps(document).encode("ascii")
        response = self._pool.request_url("POST", self._endpoint, headers, body, timeout_s=TIMEOUT_S)
        what = f"POST {self._endpoint}"
        problems = _problems(response.body)
        try:
            answer = read(what, response.status, response.headers, response.body, True).document
        except AgentError as refused:
            raise AgentError(f"{refused}{': ' if problems else ''}{problems}") from None
        if problems:
            raise AgentError(f"{what}: {problems}")
        data = Reader(answer, "GraphQL answer").inner("data")
        if data is None:
            raise WireError(f"{what}: the answer has no data")
        return data

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


def _problems(body: bytes) -> str:
    """Return what an answer says that is wrong, on one line; "" where it says nothing."""
    try:
        answer = go_decoding.loads(body)
    except (ValueError, UnicodeDecodeError):
        return ""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if not errors:
        return ""
    listed = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    messages = "; ".join(message for message in listed if isinstance(message, str))
    return shown_text.one_line(messages[:_LONGEST_MESSAGE]) or "the server says no more than that there was an error"
