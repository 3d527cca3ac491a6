"""What an edge of a long-lived process, or a thread, passes to `sys.excepthook` becomes a report and one line.

An edge is where a defect ends one worker, one request or one job, and the process goes on. It hands the defect to the
hook as the interpreter does with one that ends a program, so that rooms below `cli` need not know who writes reports.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Callable, Optional, Type

    from bkagent.cli.command import Call


def follow(leave: "Callable[[BaseException], str]", tell: "Callable[[str], None]") -> None:
    """Have `leave` write the report of each defect from now on; `tell` gets the line that it returns."""
    import threading

    def report(kind: "Type[BaseException]", defect: BaseException, trace: "Optional[TracebackType]") -> None:
        tell(leave(defect))

    def report_of_thread(ended: "threading.ExceptHookArgs") -> None:
        if ended.exc_value is not None:
            tell(leave(ended.exc_value))

    sys.excepthook = report
    threading.excepthook = report_of_thread


def follow_call(call: "Call", scrub: "Callable[[str], str]" = lambda text: text) -> None:
    """Report the defects of a command among its messages. `scrub` takes out the secrets that it learns as it runs."""

    def leave(defect: BaseException) -> str:
        from bkagent.cli import crash_report  # no process but one with a defect pays for it

        words, names = sys.argv[1:], [option.name for option in call.command.options if option.secret]
        known = crash_report.scrub_for(words, names, call.environ, call.settings)
        return crash_report.leave(
            defect,
            crash_report.shown_words(words, names),
            lambda: crash_report.state_folder(call.environ, call.settings),
            lambda text: scrub(known(text)),
        )

    follow(leave, lambda line: call.report("error", line, "defect.reported"))
