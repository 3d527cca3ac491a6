"""Passes requests of in-job commands on to the control plane, over kept-alive connections, with the job's token.

Small artifacts go the same way, without the token, to the storage that the control plane has named for them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Tuple

from bkagent.errors import ConfigError, Unreachable
from bkagent.localapi.answers import error_answer
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.request_head import RequestHead
from bkagent.wire.upstream_protocol import (
    JOB_ENDPOINT,
    PASSED_ON_HEADER,
    PREFIX,
    TIMEOUT_HEADER,
    UNREACHABLE_HEADER,
    URL_HEADER,
)

if TYPE_CHECKING:
    from bkagent.transport.client.address import Address
    from bkagent.transport.client.http_client import Pool
    from bkagent.transport.client.response import Response

    Form = Tuple[str, Address]  # of a request that carries a file: its method, and where it goes

TIMEOUT_S = 60.0
LONGEST_TIMEOUT_S = 3600.0
_FORMS_COUNT = 128  # a few of each command of those that upload at the same time

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
        self._lock = threading.Lock()
        self._pool: Optional[Pool] = None
        self._forms: Dict[Form, None] = {}  # those that the control plane has named last, the newest at the end

    def is_for(self, endpoint: str, token: str) -> bool:
        """Return whether a command that was given this endpoint and token means the same as the job."""
        return endpoint.rstrip("/") in (self._endpoint.rstrip("/"), JOB_ENDPOINT) and token == self._token

    def pass_on(self, head: RequestHead, body: bytes) -> Answer:
        """Send a command's request on and return the control plane's answer as it is, or 502 when none came."""
        path = head.target[len(PREFIX) :]
        try:
            return self.send(head.method, path, _forwarded_headers(head.headers), body, _timeout_s(head.headers))
        except Unreachable as problem:
            return _unreachable(problem)

    def store(self, head: RequestHead, body: bytes) -> Answer:
        """Send a small artifact to the storage that the control plane has named for one of this job, and only there.

        The job may be in a container and this process is not, so that it must not send what else the job likes.
        Nothing is taken out of the body, which is a file of the job, and a redirect is not followed.
        """
        url = head.headers.get(URL_HEADER, "")
        address = _address_of(url)
        if address is None or (head.method, address) not in self._forms:
            return error_answer(403, "the control plane has named no such storage for this job")
        headers = {"User-Agent": self._headers["User-Agent"], **_forwarded_headers(head.headers)}
        try:
            response = self._connect().request_url(
                head.method, url, headers, body, timeout_s=_timeout_s(head.headers), follow_redirects=False
            )
        except Unreachable as problem:
            return _unreachable(problem)
        return _passed_on(response)

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
        if method == "POST" and path.partition("?")[0].endswith("/artifacts") and response.status < 300:
            self._note_forms(response.body)
        return _passed_on(response)

    def _note_forms(self, created: bytes) -> None:
        """Note where the forms go that the answer to records of artifacts describes."""
        forms = _forms_of(created)
        with self._lock:
            for form in forms:
                self._forms.pop(form, None)
                self._forms[form] = None
            while len(self._forms) > _FORMS_COUNT:
                del self._forms[next(iter(self._forms))]

    def _connect(self) -> Pool:
        with self._lock:
            if self._pool is None:
                # Loaded here: a job without in-job commands never pays for the HTTP client.
                from bkagent.transport.client.http_client import Pool

                self._pool = Pool(self._endpoint, self._environ, timeout_s=TIMEOUT_S)
            return self._pool


def _forms_of(created: bytes) -> List[Form]:
    """Return the forms of a batch: that of all files, and those of each; none where files go elsewhere, or in parts."""
    from bkagent.wire import go_decoding

    try:
        document: Any = go_decoding.loads(created)
        own = document.get("per_artifact_instructions") or {}
        forms = [_form_of(instructions) for instructions in (document.get("upload_instructions"), *own.values())]
    except (ValueError, AttributeError):
        return []
    return [form for form in forms if form is not None]


def _form_of(instructions: Any) -> Optional[Form]:
    """Return the form that the command makes of instructions; None for what it does not send by this process."""
    action = instructions.get("action") if isinstance(instructions, dict) else None
    if not isinstance(action, dict):
        return None
    method, path, address = action.get("method") or "POST", action.get("path") or "", _address_of(action.get("url"))
    if address is None or not isinstance(method, str) or not isinstance(path, str):
        return None
    query = address.target.partition("?")[2]
    slash = "" if path.startswith("/") else "/"
    form_url = f"{address.scheme}://{address.authority}{slash}{path}" + (f"?{query}" if query else "")
    form_address = _address_of(form_url)
    return (method, form_address) if form_address is not None else None


def _address_of(url: object) -> Optional[Address]:
    """Return the parts of a URL; None for what is no URL of HTTP."""
    from bkagent.transport.client.address import parse

    try:
        return parse(url) if isinstance(url, str) else None
    except ConfigError:
        return None


def _passed_on(response: Response) -> Answer:
    back = [(PASSED_ON_HEADER, "1")]
    back += [(name, value) for name, value in response.headers.items() if name.lower() not in _NOT_TO_COMMAND]
    return Answer(response.status, response.body, tuple(back))


def _unreachable(problem: Unreachable) -> Answer:
    answer = error_answer(502, str(problem))
    verdict = "retry" if problem.may_retry else "final"
    return Answer(502, answer.body, (*answer.headers, (UNREACHABLE_HEADER, verdict)))


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
