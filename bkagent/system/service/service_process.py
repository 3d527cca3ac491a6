"""This process as a service that the system has started.

ServiceProcess(name, obey)    connect with what started it; `obey(STOP or SHUTDOWN)` is called on threads of the system.
                              Raises ServiceError where this process was not started as a service
    set_status(status)        say what the service does; from any thread
"""

import sys

if sys.platform == "win32":
    from bkagent.system.service._service_process_windows import ServiceProcess
else:
    from bkagent.system.service._service_process_none import ServiceProcess

__all__ = ["ServiceProcess"]
