"""A request whose answer comes later. It costs no thread until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from bkagent.transport.event_server.event_loop import NEVER, READ, EventHandler

if TYPE_CHECKING:
    from bkagent.transport.event_server.event_service import EventService, ServedConnection, Step
    from bkagent.transport.server.later import Later


class ParkedRequest(EventHandler):
    """Waits until the answer is known or due, or its client has gone. `resume` sends the answer that is known."""

    def __init__(
        self, service: EventService, conversation: ServedConnection, later: Later, resume: Callable[[], Step]
    ) -> None:
        self._service, self._conversation, self._later, self._resume = service, conversation, later, resume
        self._loop = service.loop
        self._is_over = False

    def fileno(self) -> int:
        """See EventHandler."""
        return self._conversation.fileno()

    def begin(self) -> None:
        """Take the connection over."""
        self._conversation.connection.may_wait = False
        self._service.members[self] = None
        self._loop.hand_over(self._conversation, self, READ)
        self._loop.set_end(self, NEVER if self._later.deadline_s is None else self._later.deadline_s)
        self._later.on_known(lambda: self._loop.post(self._take))
        if self._service.stopping:
            self.stop()

    def stop(self) -> None:
        """See Member."""
        if self._later.outlives_server:
            self._give_up()
        else:
            self._later.expire()

    def on_event(self, events: int) -> None:
        """See EventHandler."""
        if self._conversation.connection.collect():
            self._loop.watch(self, 0)  # it sends its next request already, which is looked at after the answer
        else:
            self._give_up()

    def on_late(self) -> None:
        """See EventHandler."""
        self._later.expire()

    def _give_up(self) -> None:
        self._end()
        self._service.work(self._later.give_up, self._later.give_up)
        self._loop.release(self)
        self._conversation.close()

    def _take(self) -> None:
        """Send the answer if it is still waited for."""
        if self._is_over:
            return None
        if self.watched and not self._conversation.connection.collect():
            return self._give_up()
        self._end()
        self._loop.hand_over(self, self._conversation, READ)
        self._loop.release(self)
        return self._conversation.run(self._resume)

    def _end(self) -> None:
        self._is_over = True
        del self._service.members[self]
