"""`bkagent command-process`: run the commands that jobs call, warm. Started by the agent, not by people.

The argument is the folder where callers ask; standard input is the queue of that, standard output the line to the
agent.
"""

import os
import sys
import threading

from bkagent.cli import main, table
from bkagent.cli.command import Call, Command
from bkagent.config.launching import self_command
from bkagent.config.options.sockets import SOCKETS_PATH
from bkagent.config.sources import environment
from bkagent.redaction import variables  # noqa: F401  what nearly every command comes to need
from bkagent.remote import local_http
from bkagent.remote.commands import in_job  # noqa: F401
from bkagent.system.stand_in import stand_in
from bkagent.transport.client import tls

_VARIABLES_COUNT, _VARIABLE = 128, 40 * "x"  # a little more than a job has: their memory is used again
_REHEARSALS_COUNT = 10  # of what has run eight times Python makes faster code

# What keeps nothing in this process beyond its end. tests/cli_in_job/test_command_turns.py holds each to that.
LEAVING_NOTHING = frozenset((
    "annotate", "annotation remove", "artifact upload", "env get", "env set", "env unset", "lock acquire", "lock do",
    "lock done", "lock get", "lock release", "meta-data exists", "meta-data get", "meta-data keys",
    "meta-data set", "meta-data set-batch", "pipeline upload", "redactor add", "step get", "step update",
))  # fmt: skip
_CLEAN_STATUSES = (0, 100)  # 100 answers a question
_HOOKS = sys.excepthook, threading.excepthook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, TextIO, Tuple


def run(call: Call) -> int:
    """Serve; in each fork, run what its caller was called for."""
    for name in table.COMMANDS:
        if name.split(" ")[0] in self_command.SERVED:
            table.load(name)
    rehearse = lambda: _rehearse(call.arguments[0])  # noqa: E731
    for _ in range(_REHEARSALS_COUNT):
        rehearse()
    command = stand_in.serve(call.arguments[0], 0, 1, rehearse)
    if command is None:
        os._exit(0)
    local_http.keep_connection()
    while True:
        begin(command.env, (0, 1, 2))
        sys.argv[:] = [command.program, *command.words]
        status = main.main(command.words, command.env)
        _end_threads()
        leaves_nothing = _flush() and _leaves_nothing(command.words, status)
        command = command.done(status, leaves_nothing, local_http.kept_count())


def _rehearse(folder: str) -> None:
    """Run a command in vain, so that the next one finds loaded, and made its own, what nearly every command needs.

    It asks for a lock where no agent leads. What it says goes nowhere.
    """
    files = sys.stdin, sys.stdout, sys.stderr
    null_fd = os.open(os.devnull, os.O_RDWR)
    unread = {f"REHEARSAL_{number}": _VARIABLE for number in range(_VARIABLES_COUNT)}
    begin({**unread, SOCKETS_PATH.env[0]: folder}, (null_fd, null_fd, null_fd))
    main.main(["lock", "get", "rehearsal"], environment.read())
    environment.replace({})
    sys.stdin, sys.stdout, sys.stderr = files
    os.close(null_fd)


def begin(env: "Dict[str, str]", files: "Tuple[int, int, int]") -> None:
    """Take over the environment and the standard files of a caller, as they would be at its own start.

    Nothing is left of the caller before this one.
    """
    sys.excepthook, threading.excepthook = _HOOKS
    environment.replace(env)
    sys.stdin = _file(files[0], "r", "surrogateescape")
    sys.stdout = _file(files[1], "w", "surrogateescape")
    sys.stderr = _file(files[2], "w", "backslashreplace", by_line=True)


def _file(fd: int, mode: str, errors: str, *, by_line: bool = False) -> "TextIO":
    buffering = 1 if by_line or os.isatty(fd) else -1
    return open(fd, mode, buffering, "utf-8", errors, closefd=False)  # type: ignore[return-value]


def _end_threads() -> None:
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            thread.join()


def _flush() -> bool:
    """Write out what was printed; return whether all of it went."""
    is_written = True
    for file in (sys.stdout, sys.stderr):
        try:
            file.flush()
        except (OSError, ValueError):
            is_written = False  # its reader is gone, as the status already says
    return is_written


def _leaves_nothing(words: "List[str]", status: int) -> bool:
    """Whether this process is now as it was before a command, but for what the next one begins with anyway.

    Nothing is known of what a defect leaves behind, nor an error: the next caller gets another process.
    """
    if status not in _CLEAN_STATUSES or table.find(words)[0] not in LEAVING_NOTHING:
        return False
    return threading.active_count() == 1 and not tls.has_contexts()


COMMAND = Command(
    name="command-process", arguments=("FOLDER",),
    example="bkagent command-process ~/.buildkite-agent/bkagent/bin/0123456789abcdef/calls", run=run,
)  # fmt: skip
