"""`promise-failure`: tells the control plane once per exit status how the job is going to fail.

Callers with the same status share one upstream call, and a call goes on when its caller leaves. Success and a
definite refusal are remembered; anything another try could change is forgotten, so that the next caller tries again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Dict

from bkagent.errors import AgentError, Unavailable
from bkagent.localapi.answers import error_answer, json_answer
from bkagent.localapi.json_body import read_object, text, whole_number
from bkagent.localapi.upstream import TIMEOUT_S, Upstream
from bkagent.transport.server.answer import Answer
from bkagent.wire import json_text

if TYPE_CHECKING:
    from bkagent.report import Report


class _Promise:
    """One upstream call, under way or ended."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.result: Dict[str, object] = {}


class Promises:
    """The promises of one job. Thread-safe."""

    def __init__(self, upstream: Upstream, job_id: str, report: Report, stopping: threading.Event) -> None:
        self._upstream, self._report, self._stopping = upstream, report, stopping
        self._path = f"jobs/{_escape(job_id)}/promise_failure"
        self._lock = threading.Lock()
        self._by_status: Dict[int, _Promise] = {}

    def answer(self, body: bytes) -> Answer:
        """Answer `POST /promise-failure`. Raises BadRequest for a body that is no such request."""
        document = read_object(body)
        exit_status, reason = whole_number(document, "exit_status"), text(document, "reason")
        if exit_status <= 0:
            return error_answer(400, "exit_status must be a positive integer")
        promise, is_first = self._promise(exit_status, reason)
        promise.ended.wait()
        return json_answer(200, {"outcome": "declared" if is_first else "debounced", **promise.result})

    def _promise(self, exit_status: int, reason: str) -> "tuple[_Promise, bool]":
        with self._lock:
            promise = self._by_status.get(exit_status)
            if promise is not None:
                return promise, False
            promise = self._by_status[exit_status] = _Promise()
        arguments = (promise, exit_status, reason)
        threading.Thread(target=self._tell, args=arguments, name="promise-failure", daemon=True).start()
        return promise, True

    def _tell(self, promise: _Promise, exit_status: int, reason: str) -> None:
        try:
            upstream_status = self._send(exit_status, reason)
            accepted = 200 <= upstream_status < 300
            promise.result = {"accepted": accepted, "upstream_status": upstream_status}
            if not accepted:
                promise.result["error"] = f"the control plane refused the promise with status {upstream_status}"
        except AgentError as problem:
            promise.result = {"accepted": False, "error": str(problem)}
            if isinstance(problem, Unavailable):
                promise.result["upstream_status"] = problem.status
            with self._lock:
                del self._by_status[exit_status]
        finally:
            promise.ended.set()

    def _send(self, exit_status: int, reason: str) -> int:
        from bkagent.transport import retry

        document: Dict[str, object] = {"exit_status": exit_status}
        if reason:
            document["reason"] = reason
        body = json_text.dumps(document).encode("ascii") + b"\n"

        def attempt(_number: int) -> int:
            headers = {"Content-Type": "application/json"}
            answer = self._upstream.send("PUT", self._path, headers, body, TIMEOUT_S)
            if answer.status == 429 or answer.status >= 500:
                raise Unavailable(f"the control plane answered {answer.status} to the promise", answer.status)
            return answer.status

        # 10 tries from 2 s on: the master table of the agent API.
        schedule = retry.subsecond(10, 2.0)
        return retry.retry(attempt, schedule, wait=self._stopping.wait, report=self._report, what="promise failure")


def _escape(segment: str) -> str:
    """Escape a path segment; the agent API wants dots escaped too."""
    unescaped = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~"
    return "".join(chr(byte) if chr(byte) in unescaped else f"%{byte:02X}" for byte in segment.encode("utf-8"))
