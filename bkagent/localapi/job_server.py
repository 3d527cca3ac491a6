"""The job's local socket, for processes of the job that know its token.

It is `<sockets>/job-api/<pid>-<random>.sock`, on Windows a named pipe.
"""

from __future__ import annotations

import binascii
import errno
import os
import threading
import time
from typing import TYPE_CHECKING, Callable, Iterator, List, Optional, Tuple

from bkagent.errors import AgentError
from bkagent.localapi.answers import apology, error_answer
from bkagent.localapi.job_routes import JobRoutes, JobState
from bkagent.localapi.promises import Promises
from bkagent.localapi.socket_files import job_folders, own_name
from bkagent.localapi.socket_listener import SocketListener
from bkagent.localapi.upstream import Upstream
from bkagent.system import local_socket, private_folder, unguessable
from bkagent.system.small_digests import is_equal as _same
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.connection_table import THREADS_COUNT, ConnectionTable
from bkagent.transport.server.http_server import HttpServer
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import RequestHead
from bkagent.wire.go_duration import format_precise
from bkagent.wire.upstream_protocol import PREFIX, STORAGE

if TYPE_CHECKING:
    from bkagent.report import Report

_BACKLOG_COUNT = 128
_STOP_LIMIT_S = 10.0
_STALL_LIMIT_S = 1.0  # at the end of the job, for a client that sends no more or does not read
BODY_LIMIT_BYTES = 32 * 1024 * 1024  # the largest thing sent is a pipeline or an annotation, each a few MiB at most
_RANDOM_NAMES_COUNT = (
    100_000  # the reference's range; with the process id it makes a clash with a living job impossible
)
_NAMES_TRIED_COUNT = 10  # a job that was killed leaves its socket, and process ids come again


class JobServer:
    """Serves one job. `fallback_path` is a temporary folder for where a socket under `sockets_path` is not possible."""

    def __init__(
        self,
        sockets_path: str,
        state: JobState,
        upstream: Optional[Upstream],
        *,
        job_id: str = "",
        fallback_path: str = "",
        report: Report = lambda level, text: None,
        reports_requests: bool = False,
    ) -> None:
        self._sockets_path, self._fallback_path = sockets_path, fallback_path
        self._temporary = ""
        self._report, self._reports_requests = report, reports_requests
        self._stopping = threading.Event()
        promises = Promises(upstream, job_id, report, self._stopping) if upstream is not None and job_id else None
        self._routes = JobRoutes(state, upstream, promises)
        self._token = _new_token()
        self._path = ""
        self._server: Optional[HttpServer] = None

    def start(self) -> Tuple[str, str]:
        """Listen; return the socket's path and the token. Raises AgentError where no socket can be had."""
        self._path, listening = self._bind()
        listener, table = SocketListener(self._path, listening), ConnectionTable(THREADS_COUNT, THREADS_COUNT)
        self._server = HttpServer(
            listener, self._answer, self._report, apology=apology, stop_limit_s=_STOP_LIMIT_S,
            stall_limit_s=_STALL_LIMIT_S, table=table,
        )  # fmt: skip
        self._server.start()
        return self._path, self._token

    def stop(self) -> None:
        """End the service: idle connections at once, a stalled client within a second, other requests within ten.

        Harmless when called twice.
        """
        self._stopping.set()
        if self._server is None:
            return
        server, self._server = self._server, None
        server.stop()
        try:
            local_socket.remove(self._path)
            if self._temporary:
                os.rmdir(self._temporary)
        except OSError:
            pass

    def _answer(self, request: Request) -> Answer:
        """Answer who shows the token. The body of others is not read."""
        refusal = self._refusal(request.head)
        if refusal is not None:
            return refusal
        request.vouch("the job")
        return self._timed_answer(request.head, b"".join(request.blocks(BODY_LIMIT_BYTES)))

    def _timed_answer(self, head: RequestHead, body: bytes) -> Answer:
        """Answer, and report what came to the Job API itself: what is passed on, the command reports."""
        if not self._reports_requests or head.target.startswith((PREFIX, STORAGE)):
            return self._routes.answer(head, body)
        began = time.monotonic()
        try:
            return self._routes.answer(head, body)
        finally:
            path = head.target.partition("?")[0]
            self._report("debug", f"Job API:\t{head.method}\t{path}\t{format_precise(time.monotonic() - began)}")

    def _bind(self) -> Tuple[str, local_socket.Listener]:
        if not local_socket.available():
            raise AgentError("no local socket for the job: this system or this Python has no Unix sockets")
        problems: List[str] = []
        for make_folder in self._folders():
            try:
                path, listening = _listen_in(make_folder())
            except (AgentError, OSError) as problem:
                problems.append(str(problem))
                continue
            for text in problems:
                self._report("warn", f"The job's local socket is {path}, since {text}")
            return path, listening
        raise AgentError(f"no local socket for the job: {'; '.join(problems)}")

    def _folders(self) -> Iterator[Callable[[], str]]:
        """Yield what makes the folders that the socket may be in. The last is short; others cannot take its name."""
        if not local_socket.LIES_IN_FOLDER:
            yield lambda: ""
            return
        yield lambda: private_folder.make(job_folders(self._sockets_path, "")[0])
        if self._fallback_path:
            yield lambda: private_folder.make(job_folders(self._sockets_path, self._fallback_path)[1])
            yield self._make_temporary

    def _make_temporary(self) -> str:
        self._temporary = private_folder.make_temporary(f"{own_name()}-", private_folder.system_temporary())
        return self._temporary

    def _refusal(self, head: RequestHead) -> Optional[Answer]:
        authorization = head.headers.get("authorization", "")
        if not authorization:
            return error_answer(401, "authorization header is required")
        scheme, blank, token = authorization.partition(" ")
        if not blank:
            return error_answer(401, "invalid authorization header: must be in the form `Bearer <token>`")
        if scheme != "Bearer":
            return error_answer(401, "invalid authorization header: type must be Bearer")
        if not _same(token.encode("latin-1"), self._token.encode("ascii")):
            return error_answer(401, "invalid authorization token")
        return None


def _listen_in(folder: str) -> Tuple[str, local_socket.Listener]:
    """Listen at a new path in a folder. A file, a link or a socket that is there already is left alone."""
    for tries_left in reversed(range(_NAMES_TRIED_COUNT)):
        path = local_socket.new_address(folder, f"{os.getpid()}-{unguessable.below(_RANDOM_NAMES_COUNT)}.sock")
        length, longest = len(os.fsencode(path)), local_socket.longest_path_bytes()
        if length > longest:
            raise AgentError(f"the path {path} is {length} bytes long and a socket's may have {longest}")
        try:
            return path, local_socket.listen(path, _BACKLOG_COUNT)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE or not tries_left:
                raise AgentError(f"{path}: {problem.strerror}") from problem
    raise AssertionError("the last try ends above")


def _new_token() -> str:
    """Return 32 random bytes as URL-safe base64 without padding: 43 characters."""
    text = binascii.b2a_base64(os.urandom(32), newline=False).decode("ascii")
    return text.rstrip("=").replace("+", "-").replace("/", "_")
