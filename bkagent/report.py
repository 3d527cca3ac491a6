"""How code that does not print tells a person something: `report(level, text)`, with the levels of `--log-level`."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    Report = Callable[[str, str], None]
else:
    Report = object  # named by annotations alone


def report_defect(defect: BaseException, thread_name: str = "") -> None:
    """Report a defect at an edge, where it ends one job, worker, request or task, and the process goes on.

    It goes to `sys.excepthook`, which commands that run for long set to one that writes a crash report
    (cli/defects.py). The report names the thread: as `thread_name`, if threads do the work of many in turn.
    """
    if not thread_name:
        sys.excepthook(type(defect), defect, defect.__traceback__)
        return
    import threading

    thread = threading.current_thread()
    own_name, thread.name = thread.name, thread_name
    try:
        sys.excepthook(type(defect), defect, defect.__traceback__)
    finally:
        thread.name = own_name
