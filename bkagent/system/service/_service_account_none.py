"""Systems whose services are not installed by this program; the promise is in service_account.py."""

from bkagent.system.service.service_types import ServiceError

_NOT_SUPPORTED = 50  # ERROR_NOT_SUPPORTED


def account_sid(account: str) -> str:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def profiles_folder() -> str:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def profile_folder(sid: str) -> str:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def is_mapped_drive(path: str) -> bool:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)


def make_folder(path: str, sid: str, may_write: bool) -> None:
    """Raise ServiceError."""
    raise ServiceError(_NOT_SUPPORTED)
