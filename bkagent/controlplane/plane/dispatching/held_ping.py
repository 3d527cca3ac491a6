"""A ping that waits for work: it costs no thread, and is answered by whoever has something for its agent."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from bkagent.wire.ping import Ping


class HeldPing:
    """Waits for its answer, which is given once. Safe for any thread. `deadline_s` is by `time.monotonic()`."""

    def __init__(self, agent_id: str, deadline_s: float, withdraw: Callable[[str, str], None]) -> None:
        """`withdraw(agent_id, job_id)` takes an offer back from an agent that has gone."""
        self.agent_id, self.deadline_s = agent_id, deadline_s
        self._withdraw = withdraw
        self._lock = threading.Lock()
        self._answer: Optional[Ping] = None
        self._has_gone = False
        self._tell: Callable[[], None] = lambda: None

    @property
    def answer(self) -> Optional[Ping]:
        """Return the answer, None before it is known."""
        return self._answer

    def on_known(self, tell: Callable[[], None]) -> None:
        """Have `tell()` called once there is an answer: now, or later on any thread, which it must not hold up."""
        with self._lock:
            is_known = self._answer is not None
            self._tell = tell
        if is_known:
            tell()

    def resolve(self, answer: Ping) -> None:
        """Give the answer. If the agent has gone, a job that it was offered goes to another."""
        with self._lock:
            self._answer, has_gone, tell = answer, self._has_gone, self._tell
        if has_gone:
            self._take_back(answer)
        else:
            tell()

    def note_gone(self) -> None:
        """Note that its agent does not wait any more, whether there is an answer or not."""
        with self._lock:
            self._has_gone, answer = True, self._answer
        if answer is not None:
            self._take_back(answer)

    def _take_back(self, answer: Ping) -> None:
        if answer.job_id:
            self._withdraw(self.agent_id, answer.job_id)
