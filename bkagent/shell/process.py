"""Run a process to its end: `launch` starts it, the system's pump carries its output, this stops it."""

from __future__ import annotations

import threading
from typing import Callable, Optional

from bkagent.shell.cancellation import Cancellation
from bkagent.shell.launch import Launch, Sink, start
from bkagent.system import process_start
from bkagent.system.process_start import Child, Ended

# A process ends with its exit; output still arriving from its children is read for a while.
QUIET_S = 0.25
LEFT_OVER_S = 5.0

Debug = Callable[[str], None]


def unheard(text: str) -> None:
    """Drop a debug message while debugging is off."""


def run(
    launch: Launch, sink: Sink, cancellation: Cancellation, errors: Optional[Sink] = None, debug: Debug = unheard
) -> Ended:
    """Run a process, its output going to `sink` (stderr to `errors`, where given); return how it ended.

    When the cancellation is requested its group gets the cancel signal, and is killed after the grace. `debug` is told
    of its start, its end, and the signals it is sent. Raises StartFailed. A sink that raises ends the process.
    """
    running = start(launch, sink, errors)
    pid = running.child.pid
    stop = _Stop(running.child, cancellation, debug)
    try:
        debug(f"[Process] Running {'with' if running.has_terminal else 'without'} a PTY")
        debug(f"[Process] Process is running with PID: {pid}")
        ended = process_start.pump(running.child, running.streams, QUIET_S, LEFT_OVER_S)
        debug(f"Process with PID: {pid} finished with Exit Status: {ended.exit_code}, Signal: {ended.signal or 'nil'}")
        return ended
    finally:
        stop.forget()
        if running.child.poll() is None:
            running.child.kill_group()
            running.child.wait()
        running.close()


class _Stop:
    """Stops a process when asked to, until `forget`."""

    def __init__(self, child: Child, cancellation: Cancellation, debug: Debug) -> None:
        self._child, self._cancellation, self._debug = child, cancellation, debug
        self._timer: Optional[threading.Timer] = None
        self.unsubscribe: Callable[[], None] = cancellation.on_request(self._interrupt)

    def forget(self) -> None:
        self.unsubscribe()
        if self._timer is not None:
            self._timer.cancel()

    def _interrupt(self) -> None:
        name = self._cancellation.signal_name
        self._debug(f"[Process] Sending signal {name} to PGID: {self._child.pid}")
        try:
            self._child.signal_group(name)
        except OSError:
            self._kill()
            return
        self._timer = threading.Timer(self._cancellation.signal_grace_s, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def _kill(self) -> None:
        self._debug(f"[Process] Sending signal SIGKILL to PGID: {self._child.pid}")
        self._child.kill_group()
