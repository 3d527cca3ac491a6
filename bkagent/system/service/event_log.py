"""The system's log of events, where administrators look first.

register(source) -> None      have the events of a source shown with their text. Raises ServiceError
unregister(source) -> None    undo that; without it nothing happens
EventLog(source)              writes events
    write(kind, event_id, text)   add one: INFORMATION, WARNING or ERROR, 1 to 1000. What fails is lost
"""

import sys

if sys.platform == "win32":
    from bkagent.system.service._event_log_windows import EventLog, register, unregister
else:
    from bkagent.system.service._event_log_none import EventLog, register, unregister

# The numbers of Windows' winnt.h.
ERROR, WARNING, INFORMATION = 1, 2, 4

__all__ = ["ERROR", "INFORMATION", "WARNING", "EventLog", "register", "unregister"]
