"""`bkagent command-process`: run the commands that jobs call, warm. Started by the agent, not by people.

The argument is the folder where callers ask; standard input is the queue of that, standard output the line to the
agent.
"""

import os
import sys

from bkagent.cli import main, table
from bkagent.cli.command import Call, Command
from bkagent.config import environment, self_command
from bkagent.redaction import variables  # noqa: F401  what nearly every command comes to need
from bkagent.remote import in_job  # noqa: F401
from bkagent.system.stand_in import stand_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def run(call: Call) -> int:
    """Serve; in each fork, run what its caller was called for."""
    for name in table.COMMANDS:
        if name.split(" ")[0] in self_command.SERVED:
            table.load(name)
    command = stand_in.serve(call.arguments[0], 0, 1)
    if command is None:
        os._exit(0)
    environment.replace(command.env)
    _open_files()
    sys.argv[:] = [command.program, *command.words]
    status = main.main(command.words, command.env)
    _end_threads()
    _flush()
    command.done(status)
    return status


def _open_files() -> None:
    """Make Python's files those of the caller, as they would be at its own start."""
    sys.stdin = _file(0, "r", "surrogateescape")
    sys.stdout = _file(1, "w", "surrogateescape")
    sys.stderr = _file(2, "w", "backslashreplace")


def _file(fd: int, mode: str, errors: str) -> "TextIO":
    buffering = 1 if fd == 2 or os.isatty(fd) else -1
    return open(fd, mode, buffering, "utf-8", errors, closefd=False)  # type: ignore[return-value]


def _end_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is not None:
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.main_thread():
                thread.join()


def _flush() -> None:
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError):
            pass  # its reader is gone, as the status already says


COMMAND = Command(
    name="command-process", arguments=("FOLDER",),
    example="bkagent command-process ~/.buildkite-agent/bkagent/bin/0123456789abcdef/calls", run=run,
)  # fmt: skip
