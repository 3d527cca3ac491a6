"""How code that does not print tells a person something: `report(level, text)`, with the levels of `--log-level`."""

import sys
from typing import Callable

Report = Callable[[str, str], None]


def report_defect(defect: BaseException, thread_name: str = "") -> None:
    """Report a defect at an edge, where it ends one job, worker, request or task, and the process goes on.

    The interpreter's hook for what ends a program gets it; a command that runs for long has set one that writes a crash
    report (cli/defects.py). That names the thread: by `thread_name` where threads do the work of many in turn.
    """
    if thread_name:
        import threading

        threading.current_thread().name = thread_name
    sys.excepthook(type(defect), defect, defect.__traceback__)
