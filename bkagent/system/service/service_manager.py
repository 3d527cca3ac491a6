"""The system's services.

AVAILABLE                     whether they can be managed here: on Windows
check_installable(name)       raise what `install` would, for the name or for missing rights
install(definition) -> None   add a service that starts with the machine, is restarted after failures, and is told of a
                              shutdown before other services end
start(name) -> None           ask for its start; does not wait
ask_to_stop(name) -> None     ask it to stop; does not wait
query(name) -> ServiceState   what it is and does
remove(name) -> None          take it away; Windows does so when it has stopped and nobody has it open

They raise ServiceError.
"""

import sys

from bkagent.system.system_kind import ON_WINDOWS

if sys.platform == "win32":
    from bkagent.system.service._service_manager_windows import (
        ask_to_stop,
        check_installable,
        install,
        query,
        remove,
        start,
    )
else:
    from bkagent.system.service._service_manager_none import (
        ask_to_stop,
        check_installable,
        install,
        query,
        remove,
        start,
    )

AVAILABLE = ON_WINDOWS

__all__ = ["AVAILABLE", "ask_to_stop", "check_installable", "install", "query", "remove", "start"]
