"""Systems that start services as any other program; the promise is in service_process.py."""

from bkagent.system.service.service_types import ServiceError, ServiceStatus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

_NOT_SUPPORTED = 50  # ERROR_NOT_SUPPORTED


class ServiceProcess:
    """Never made."""

    def __init__(self, name: str, obey: "Callable[[str], None]") -> None:
        raise ServiceError(_NOT_SUPPORTED)

    def set_status(self, status: ServiceStatus) -> None:
        """Do nothing."""
