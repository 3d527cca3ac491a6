"""What an edge of a long-lived process, or a thread, passes to `sys.excepthook` becomes a report and one line.

An edge is where a defect ends one worker, one request or one job, and the process goes on. It hands the defect to the
hook as the interpreter does with one that ends a program, so that rooms below `cli` need not know who writes reports.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Callable, List, Optional, Type

    from bkagent.cli.command import Call


def follow(
    tell: "Callable[[str], None]",
    words: "List[str]",
    find_folder: "Callable[[], str]",
    scrub: "Callable[[], Callable[[str], str]]",
) -> None:
    """Report each defect from now on; `tell` gets its line. `scrub` is asked, then, for what takes secrets out."""
    import threading

    def report(kind: "Type[BaseException]", defect: BaseException, trace: "Optional[TracebackType]") -> None:
        from bkagent.cli import crash_report  # no process but one with a defect pays for it

        tell(crash_report.leave(defect, words, find_folder, scrub()))

    def report_of_thread(ended: "threading.ExceptHookArgs") -> None:
        if ended.exc_value is not None and ended.exc_type is not SystemExit:
            report(ended.exc_type, ended.exc_value, ended.exc_traceback)

    sys.excepthook = report
    threading.excepthook = report_of_thread


def follow_call(call: "Call", more: "Callable[[str], str]" = lambda text: text) -> None:
    """Report the defects of a command among its messages. `more` takes out secrets that it learns as it runs."""

    def find_folder() -> str:
        from bkagent.cli import crash_report

        return crash_report.state_folder(call.environ, call.settings)

    def scrub() -> "Callable[[str], str]":
        from bkagent.cli import crash_report

        known = crash_report.scrub_for(sys.argv[1:], call.environ, call.settings)
        return lambda text: more(known(text))

    follow(lambda line: call.report("error", line), sys.argv[1:], find_folder, scrub)
