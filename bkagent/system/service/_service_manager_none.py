"""Systems whose services are managed by programs of their own, as systemd is; the promise is in service_manager.py."""

from bkagent.system.service.service_types import ServiceDefinition, ServiceError, ServiceState

_NOT_SUPPORTED = 50  # ERROR_NOT_SUPPORTED


def check_installable(name: str) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def install(definition: ServiceDefinition) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def start(name: str) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def ask_to_stop(name: str) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def query(name: str) -> ServiceState:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def remove(name: str) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)
