"""One connection of an event server: request after request, until either side ends it."""

from __future__ import annotations

import time
from typing import Callable, Optional, Union

from bkagent.transport.event_server.event_loop import READ, WRITE
from bkagent.transport.event_server.event_service import EventService, ServedConnection, Step
from bkagent.transport.event_server.event_stream import EventStream
from bkagent.transport.event_server.parked_request import ParkedRequest
from bkagent.transport.event_server.parting import Parting
from bkagent.transport.server import server_connection
from bkagent.transport.server.answer import Answer, Blocks, FilePart, Stream
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import LIMIT_BYTES, BadRequest, HttpError, RequestHead, parse_head
from bkagent.transport.server.server_connection import SLOWEST_BYTES_PER_S, ServerConnection

WHOLE_BYTES = 64 * 1024  # a body of more is read by a thread of its own, as it comes
READING, WORKING, SENDING, ENDED = range(4)


class Conversation(ServedConnection):
    """Waits for the client in all states but WORKING, when a thread or another handler has the connection.

    Its methods are for the loop's thread. Those that return a step may run on any one thread while it is WORKING.
    """

    def __init__(self, service: EventService, connection: ServerConnection) -> None:
        self.connection = connection
        self._service, self._loop = service, service.loop
        self._state = WORKING
        self._searched_bytes = 0  # of what has come, in which no head ends
        self._head: Optional[RequestHead] = None  # whose body has not come yet
        self._goes_on = False

    def fileno(self) -> int:
        """See EventHandler."""
        return self.connection.fileno()

    def begin(self) -> None:
        """Serve a new connection."""
        self.connection.may_wait = False
        self._service.members[self] = None
        self._state = READING
        self._note_waiting()
        self._receive()
        if self._state == READING:
            self._watch_for_request()

    def on_event(self, events: int) -> None:
        """See EventHandler."""
        try:
            if self._state == READING:
                self._receive()
            elif self._state == WORKING:  # it sends its next request already, or has gone
                self._loop.watch(self, 0)
                self._look_again()
            elif self._state == SENDING:
                self.connection.send_on()
                if not self.connection.unsent:
                    self._state = WORKING  # until the next step: the time for what was sent is over
                    self._after_sending(self._goes_on)()
        except OSError:
            self.close()

    def on_late(self) -> None:
        """See EventHandler."""
        if self._state == WORKING:
            # One timer is always set, so that a thread that is done need only put it off.
            self._loop.set_end(self, time.monotonic() + server_connection.IDLE_LIMIT_S)
        elif self._state == READING and (self._head is not None or self.connection.pending):
            self._hand_out()  # which finds that it comes too slowly, and says so
        elif self._state == READING and (self.connection.waiting_since or 0.0) + self._patience_s() > time.monotonic():
            self._watch_for_request()  # a thread has put the moment off just now
        else:
            self.close()

    def close(self) -> None:
        """End the connection."""
        if self._state == ENDED:
            return
        self._state = ENDED
        self._loop.release(self)
        self._service.members.pop(self, None)
        self._service.forget(self.connection)

    def stop(self) -> None:
        """See Member."""
        if self._state == READING:
            self.close()

    def _await_request(self) -> None:
        """Wait for the next request, or serve it if it has come along with the last one."""
        if self._service.stopping:
            return self.close()
        self.connection.may_wait = False
        self._state = READING
        self._note_waiting()
        if self.connection.pending:
            self._examine()
        if self._state == READING:
            self._watch_for_request()
        return None

    def _watch_for_request(self) -> None:
        self._loop.watch(self, READ)
        self._loop.set_end(self, time.monotonic() + self._patience_s())

    def _note_waiting(self) -> None:
        self.connection.waiting_since = time.monotonic()
        self._service.table.set_silent(self.connection, True)

    def _patience_s(self) -> float:
        if self._head is not None:
            return server_connection.STALL_LIMIT_S + (self._head.body_bytes or 0) / SLOWEST_BYTES_PER_S
        is_idle = bool(self.connection.owner) and not self.connection.pending
        return server_connection.IDLE_LIMIT_S if is_idle else server_connection.HEAD_LIMIT_S

    def _look_again(self) -> None:
        """Look whether a request has come while a thread had the connection, if it has not got it any more."""
        if self._state == READING:
            self._await_request()

    def _receive(self) -> None:
        was_silent, had_head = not self.connection.pending, self._head is not None
        if not self.connection.collect():
            if self.connection.pending.strip() or had_head:
                return self._hand_out()  # which finds that the client has ended it early, and says so
            return self.close()
        self._examine()
        # Each part has its time from its first byte, however it dribbles.
        if self._state == READING and self.connection.pending and (was_silent or had_head != (self._head is not None)):
            self._loop.set_end(self, time.monotonic() + self._patience_s())
        return None

    def _examine(self) -> None:
        """Hand out the request if it has come, or so much of it that a thread shall read the rest."""
        pending = self.connection.pending
        if self._head is None:
            end = pending.find(b"\r\n\r\n", max(0, self._searched_bytes - 3))
            self._searched_bytes = len(pending)
            if end > LIMIT_BYTES or (end < 0 and len(pending) > LIMIT_BYTES):
                return self._hand_out()
            if end < 0:
                return None
            try:
                self._head = parse_head(bytes(pending[:end]).lstrip(b"\r\n"))
            except BadRequest:
                return self._hand_out()  # which finds the same
            del pending[: end + 4]
        body_bytes = self._head.body_bytes
        if body_bytes is None or body_bytes > WHOLE_BYTES or (self._head.expects_continue and body_bytes):
            self._hand_out(may_wait=True)
        elif len(pending) >= body_bytes:
            self._hand_out()
        elif not self.connection.owner:
            self._hand_out(may_wait=True)  # who has shown no token may be refused without the body
        return None

    def _hand_out(self, may_wait: bool = False) -> None:
        """Have the request served: by a thread that may wait for the client, or at once with what has come."""
        self._state = WORKING
        self.connection.waiting_since = None
        end_turn = None
        if self._head is not None and not may_wait:
            end_turn = self._service.begin_instant(self._head)
        if end_turn is not None:
            try:
                return self.run(self._answer_request)
            finally:
                end_turn()
        self._service.table.set_silent(self.connection, False)
        if may_wait:
            return self._service.transfer(self, self._answer_request)
        return self._service.work(lambda: self.run(self._answer_request), self.close, self._head)

    def run(self, make_step: Callable[[], Step], *, may_wait: bool = False) -> None:
        """See ServedConnection."""
        self.connection.may_wait = may_wait
        try:
            step = make_step()
        except OSError:
            step = self.close  # the client went away or was too slow; it knows
        except Exception as problem:  # the edge of one connection
            self._service.answering.report_defect(problem)
            step = self.close
        ends_at = time.monotonic() + server_connection.IDLE_LIMIT_S
        is_looked_after = self.watched and self.timer_at <= ends_at
        if step == self._await_request and is_looked_after and not self.connection.pending:
            self._await_silently(ends_at)
        else:
            self._loop.post(step)

    def _await_silently(self, ends_at: float) -> None:
        """Wait for the next request without waking the loop's thread: its descriptor is watched, its timer is set."""
        self.connection.may_wait = False
        self._note_waiting()
        self.ends_at = ends_at
        self._state = READING
        if not self.watched or self._service.stopping:
            self._loop.post(self._look_again)

    def _answer_request(self) -> Step:
        head, self._head, self._searched_bytes = self._head, None, 0
        if head is None:
            try:
                head = self.connection.read_head()
            except BadRequest as problem:
                return self._part(problem)
            if head is None:
                return self.close
        request = Request(head, self.connection)
        return self._respond(request, lambda: self._service.answering.answer(request))

    def _respond(self, request: Request, make_answer: Callable[[], Union[Answer, Later]]) -> Step:
        try:
            answer = self._service.answering.run(request, make_answer)
        except BadRequest as problem:
            return self._part(problem, request)
        if isinstance(answer, Later):
            later = answer
            resume = lambda: self._respond(request, later.take)  # noqa: E731
            return ParkedRequest(self._service, self, later, resume).begin
        return self._send(request, answer)

    def _part(self, problem: BadRequest, request: Optional[Request] = None) -> Step:
        answering = self._service.answering
        answering.part(self.connection, answering.apology(problem), request)
        return self._after_sending(False)

    def _send(self, request: Request, answer: Answer) -> Step:
        body, connection = answer.body, self.connection
        if request.method != "HEAD":
            if isinstance(body, Stream):
                return self._begin_stream(request, answer, body)
            if isinstance(body, (FilePart, Blocks)) and not connection.may_wait:
                return lambda: self._service.transfer(self, lambda: self._send(request, answer))
        goes_on = self._service.answering.send(connection, request, answer, stopping=self._service.stopping)
        return self._after_sending(goes_on)

    def _begin_stream(self, request: Request, answer: Answer, body: Stream) -> Step:
        connection = self.connection
        connection.set_owner(request.owner)
        is_known = bool(request.owner)
        if not self._service.admit_stream(is_known):
            answer = self._service.answering.apology(HttpError(503, "too many event streams are open"))
            connection.send(answer, keep_alive=False, with_body=True)
            return self._after_sending(False)
        try:
            connection.send(answer, keep_alive=False, with_body=True)
        except OSError:
            self._service.end_stream(is_known)
            raise
        return EventStream(self._service, self, body.source, is_known).begin

    def _after_sending(self, goes_on: bool) -> Step:
        if self.connection.unsent:
            return lambda: self._send_rest(goes_on)
        if self.connection.is_parting:
            return Parting(self._service, self).begin
        return self._await_request if goes_on else self.close

    def _send_rest(self, goes_on: bool) -> None:
        self._state, self._goes_on = SENDING, goes_on
        now = self.connection.waiting_since = time.monotonic()
        self._loop.watch(self, WRITE)
        rest_bytes = len(self.connection.unsent)
        self._loop.set_end(self, now + server_connection.STALL_LIMIT_S + rest_bytes / SLOWEST_BYTES_PER_S)
