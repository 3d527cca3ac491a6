"""The line between an agent and its process for the Agent API: messages one way, and its end is that of the process.

Each message is a line of JSON: {"level", "text", "event"}, with the words of `wire.log_events`.
"""

from __future__ import annotations

from bkagent.system import child_line
from bkagent.wire import json_text


class AgentLine:
    """The process's end: its standard input and standard error."""

    def __init__(self) -> None:
        self._line = child_line.ChildEnd()

    def report(self, level: str, text: str, event: str = "") -> None:
        """Send a message. One that an agent does not take, being stopped or gone, is dropped: nothing waits for it."""
        self._line.send(json_text.dumps({"level": level, "text": text, "event": event}).encode("ascii") + b"\n")

    def wait(self) -> None:
        """Return when the agent is gone, or has hung up."""
        self._line.wait()
