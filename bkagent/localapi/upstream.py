"""Passes requests of in-job commands on to the control plane, over kept-alive connections, with the job's token."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Callable, Dict, Mapping, Optional

from bkagent.errors import Unreachable
from bkagent.localapi.answers import error_answer
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request_head import RequestHead
from bkagent.wire.upstream_protocol import (
    JOB_ENDPOINT,
    PASSED_ON_HEADER,
    PREFIX,
    TIMEOUT_HEADER,
    UNREACHABLE_HEADER,
)

if TYPE_CHECKING:
    from bkagent.transport.client.http_client import Pool

TIMEOUT_S = 60.0
LONGEST_TIMEOUT_S = 3600.0

# What a command may say to the control plane besides its body; the rest (Host, Authorization …) is ours to say.
_TO_SERVER = ("content-type", "content-encoding", "accept")
_TO_SERVER_STARTS = ("buildkite-", "x-buildkite-")
_NOT_TO_COMMAND = frozenset(
    ("connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "upgrade", "trailer", "te")
)


class Upstream:
    """The control plane as this job reaches it. Thread-safe; connects at the first request, not before."""

    def __init__(
        self,
        endpoint: str,
        token: str,
        *,
        environ: Mapping[str, str],
        user_agent: str,
        request_headers: Optional[Mapping[str, str]] = None,
    ) -> None:
        self._endpoint, self._token, self._environ = endpoint, token, environ
        # Without Accept a proxy in between may answer with a page.
        self._headers: Dict[str, str] = {
            "User-Agent": user_agent, "Accept": "application/json", **(request_headers or {}),
        }  # fmt: skip
        if token:
            self._headers["Authorization"] = f"Token {token}"
        self.scrub: Optional[Callable[[str], str]] = None  # takes out what must not leave the job
        self._making = threading.Lock()
        self._pool: Optional[Pool] = None

    def is_for(self, endpoint: str, token: str) -> bool:
        """Return whether a command that was given this endpoint and token means the same as the job."""
        return endpoint.rstrip("/") in (self._endpoint.rstrip("/"), JOB_ENDPOINT) and token == self._token

    def pass_on(self, head: RequestHead, body: bytes) -> Answer:
        """Send a command's request on and return the control plane's answer as it is, or 502 when none came."""
        path = head.target[len(PREFIX) :]
        try:
            return self.send(head.method, path, _forwarded_headers(head.headers), body, _timeout_s(head.headers))
        except Unreachable as problem:
            answer = error_answer(502, str(problem))
            verdict = "retry" if problem.may_retry else "final"
            return Answer(502, answer.body, (*answer.headers, (UNREACHABLE_HEADER, verdict)))

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Answer:
        """Send one request, without secrets. `path` is below the endpoint and already escaped. Raises Unreachable."""
        if self.scrub is not None:
            # Loaded here: most jobs tell the control plane nothing in their own words.
            from bkagent.localapi.scrubbing import scrub_body, scrub_headers
            from bkagent.redaction.outbound import clean_target

            body, headers = scrub_body(path, body, self.scrub), scrub_headers(headers, self._headers, self.scrub)
            path = clean_target(path, self.scrub)
        sent = {name.lower(): (name, value) for name, value in self._headers.items()}
        sent.update((name.lower(), (name, value)) for name, value in headers.items())
        response = self._connect().request(method, path, dict(sent.values()), body, timeout_s=timeout_s)
        back = [(PASSED_ON_HEADER, "1")]
        back += [(name, value) for name, value in response.headers.items() if name.lower() not in _NOT_TO_COMMAND]
        return Answer(response.status, response.body, tuple(back))

    def _connect(self) -> Pool:
        with self._making:
            if self._pool is None:
                # Loaded here: a job without in-job commands never pays for the HTTP client.
                from bkagent.transport.client.http_client import Pool

                self._pool = Pool(self._endpoint, self._environ, timeout_s=TIMEOUT_S)
            return self._pool


def _forwarded_headers(headers: Mapping[str, str]) -> Dict[str, str]:
    return {
        _canonical(name): value
        for name, value in headers.items()
        if name in _TO_SERVER or name.startswith(_TO_SERVER_STARTS)
    }


def _canonical(name: str) -> str:
    return "-".join(word.capitalize() for word in name.split("-"))


def _timeout_s(headers: Mapping[str, str]) -> float:
    try:
        wanted_s = float(headers.get(TIMEOUT_HEADER, ""))
    except ValueError:
        return TIMEOUT_S
    return wanted_s if 0 < wanted_s <= LONGEST_TIMEOUT_S else TIMEOUT_S
