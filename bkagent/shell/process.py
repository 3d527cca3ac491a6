"""Run a process to its end: `launch` starts it, the system's pump carries its output, this stops it."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from bkagent.shell.cancellation import Cancellation
from bkagent.shell.launch import Launch, Sink, start
from bkagent.system import process_start
from bkagent.system.process_start import Child, Ended

# The end of a process is its exit. What others that hold its output still print is awaited while it keeps coming.
QUIET_S = 0.25
LEFT_OVER_S = 5.0


def run(launch: Launch, sink: Sink, cancellation: Cancellation, errors: Optional[Sink] = None) -> Ended:
    """Run a process, its output going to `sink` (stderr to `errors`, where given); return how it ended.

    When the cancellation is requested its group gets the cancel signal, and is killed after the grace.
    Raises StartFailed. A sink that raises ends the process.
    """
    running = start(launch, sink, errors)
    stop = _Stop(running.child, cancellation)
    try:
        return process_start.pump(running.child, running.streams, QUIET_S, LEFT_OVER_S)
    finally:
        stop.forget()
        if running.child.poll() is None:
            running.child.kill_group()
            running.child.wait()
        running.close()


class _Stop:
    """Stops a process when asked to, until `forget`."""

    def __init__(self, child: Child, cancellation: Cancellation) -> None:
        self._child, self._cancellation = child, cancellation
        self._timer: Optional[threading.Timer] = None
        self.taken_back: Callable[[], None] = cancellation.on_request(self._interrupt)

    def forget(self) -> None:
        self.taken_back()
        if self._timer is not None:
            self._timer.cancel()

    def _interrupt(self) -> None:
        try:
            self._child.signal_group(self._cancellation.signal_name)
        except OSError:
            self._child.kill_group()
            return
        self._timer = threading.Timer(self._cancellation.signal_grace_s, self._child.kill_group)
        self._timer.daemon = True
        self._timer.start()
