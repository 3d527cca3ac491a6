"""The agent's side of its process for the Agent API: start it, pass its messages on, start another when it dies."""

from __future__ import annotations

import os
import threading
import time
from typing import Mapping, Optional

from bkagent.agent import leader_watch
from bkagent.agent.leader_watch import LeaderWatch
from bkagent.config.launching import self_command
from bkagent.system import local_socket, process_start
from bkagent.system.child_line import ParentEnd
from bkagent.wire import json_text
from bkagent.wire.lock_protocol import SERVING
from bkagent.wire.log_events import EventReport

# glibc gives each thread a heap of its own otherwise, which a process of short threads pays for and never uses.
_LEAN = {"MALLOC_ARENA_MAX": "1"}
_MOST_FAILURES = 3  # in a row, of processes that never came to serve: the next one will not either
_SHORT_LIFE_S = 1.0
_PAUSE_S = 0.5  # after a short life
_READY_WITHIN_S = 5.0
_ENDS_WITHIN_S = 3.0


class AgentApi:
    """Keeps the process. `environ` is what it inherits; `shows_requests` has it report each request."""

    def __init__(
        self, sockets_path: str, environ: Mapping[str, str], report: EventReport, shows_requests: bool
    ) -> None:
        self._environ, self._report = {**environ, **_LEAN}, report
        self._words = ["agent-api-process", sockets_path, *(["requests"] if shows_requests else [])]
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._line: Optional[ParentEnd] = None  # closing it ends the process
        self._child: Optional[process_start.Child] = None
        self._settled = threading.Event()  # set once there is a leader, or will be none
        self._messages: Optional[_Messages] = None  # of the process that runs
        self._watch = LeaderWatch(sockets_path, self._serving_address, self._kill, report)
        self._thread = threading.Thread(target=self._run, name="agent-api", daemon=True)

    def open(self) -> None:
        """Begin to keep one. Does not wait for it."""
        if local_socket.available():
            self._thread.start()
            threading.Thread(target=self._look_after_leader, name="agent-api-watch", daemon=True).start()
        else:
            text = "this agent runs without the Agent API: this Python has no Unix sockets"
            self._report("warn", text, "agent_api.unavailable")

    def wait(self) -> None:
        """Wait, not for long, until jobs find a leader if they ever will."""
        if self._thread.is_alive():
            self._settled.wait(_READY_WITHIN_S)

    def close(self) -> None:
        """Have the process end, which gives the lead to another agent, and wait for that."""
        with self._lock:
            self._closed.set()
            if self._line is not None:
                self._line.hang_up()
        if not self._thread.is_alive():
            return
        self._thread.join(_ENDS_WITHIN_S)
        if self._thread.is_alive():
            self._kill()

    def _kill(self) -> None:
        child = self._child
        if child is not None:
            child.kill_group()

    def _serving_address(self) -> str:
        return self._messages.serving_address if self._messages is not None else ""

    def _look_after_leader(self) -> None:
        while not self._closed.wait(leader_watch.LOOK_EVERY_S) and self._thread.is_alive():
            self._watch.look()

    def _run(self) -> None:
        try:
            self._keep()
        finally:
            self._settled.set()

    def _keep(self) -> None:
        failures = 0
        while failures < _MOST_FAILURES:
            began = time.monotonic()
            try:
                line = ParentEnd()
                child = self._start(line)
            except (OSError, ValueError) as problem:
                text = f"this agent runs without the Agent API: its process cannot be started: {problem}"
                return self._report("warn", text, "agent_api.unavailable")
            messages = self._pass_on_messages(line)
            ended = child.wait()
            if self._closed.is_set() or messages.is_refused:
                return None
            failures = 0 if messages.is_ready else failures + 1
            text = f"the process of the Agent API has ended ({ended.signal or ended.exit_code}); another one is started"
            self._report("warn", text, "agent_api.process_ended")
            if time.monotonic() - began < _SHORT_LIFE_S and self._closed.wait(_PAUSE_S):
                return None
        text = f"this agent runs without the Agent API: {failures} processes for it ended before they were ready"
        return self._report("warn", text, "agent_api.unavailable")

    def _start(self, line: ParentEnd) -> process_start.Child:
        """Start the process behind a new line, which `close` has hung up already if it came first."""
        null_fd = os.open(os.devnull, os.O_RDWR)
        try:
            argv, files = self_command.command(self._words), (line.child_in, null_fd, line.child_out)
            child = process_start.start_in_session(argv, self._environ, os.sep, *files)
        except (OSError, ValueError):
            line.close()
            raise
        finally:
            os.close(null_fd)
            line.close_childs()
        with self._lock:
            self._line, self._child = line, child
            if self._closed.is_set():
                line.hang_up()
        return child

    def _pass_on_messages(self, line: ParentEnd) -> _Messages:
        """Report what the process reports until it hangs up; return what it was."""
        messages = self._messages = _Messages(self._report, self._settled)
        try:
            rest = b""
            while True:
                block = line.receive()
                *lines, rest = (rest + block).split(b"\n")
                for text in lines:
                    messages.pass_on(text)
                if not block:
                    return messages
        except OSError:
            return messages
        finally:
            with self._lock:
                self._line = None
                line.close()


class _Messages:
    """Passes on what a process reports, and remembers what that says of the process; `settled` is set by the first.

    is_ready         it serves, or waits to do so
    is_refused       another one would not be able to serve either
    serving_address  where it serves, since it has the kernel lock of the leader
    """

    def __init__(self, report: EventReport, settled: threading.Event) -> None:
        self._report, self._settled = report, settled
        self.is_ready = self.is_refused = False
        self.serving_address = ""

    def pass_on(self, line: bytes) -> None:
        """Report one line: JSON, or what Python itself has to say of a defect."""
        try:
            message = json_text.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            text = line.decode("utf-8", "replace").rstrip()
            self._report("error", f"the process of the Agent API: {text}", "agent_api.output")
            return
        event, text = str(message.get("event")), str(message.get("text"))
        self._report(str(message.get("level")), text, event)
        if text.startswith(SERVING):
            self.serving_address = text[len(SERVING) :]
        self.is_ready = self.is_ready or event == "agent_api.ready"
        self.is_refused = self.is_refused or event == "agent_api.unavailable"
        if self.is_ready or self.is_refused:
            self._settled.set()
