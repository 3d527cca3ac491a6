"""The types of credentials that a configuration can have, a row each."""

from __future__ import annotations

from typing import Callable, Dict

from bkagent.cloud.google import authorized_user, external_account, impersonation, service_account
from bkagent.cloud.google.configuration import Configuration, Fetch
from bkagent.errors import ConfigError


def open_source(configuration: Configuration) -> Fetch:
    """Return what fetches access tokens. Raises ConfigError for an unsupported type, and as the type's own does."""
    kind = configuration.fields.text("type", "")
    opens = _TYPES.get(kind)
    if opens is not None:
        return opens(configuration)
    where = configuration.where
    for member in ("installed", "web"):
        if configuration.fields.inner(member) is not None:
            raise ConfigError(
                f"{where} describes an OAuth client ({member}), which needs a person with a browser; use a service "
                "account, or what `gcloud auth application-default login` writes"
            )
    why = _UNSUPPORTED.get(kind)
    if why:
        raise ConfigError(f"{where} is of the type {kind}, which is not supported: {why}")
    raise ConfigError(f"{where} must have a type: one of {', '.join(_TYPES)}")


def _open_impersonation(configuration: Configuration) -> Fetch:
    return impersonation.open_source(configuration, open_source)


_TYPES: Dict[str, Callable[[Configuration], Fetch]] = {
    "service_account": service_account.open_source,
    "authorized_user": authorized_user.open_source,
    "external_account": external_account.open_source,
    "external_account_authorized_user": authorized_user.open_workforce_source,
    impersonation.KIND: _open_impersonation,
}
_UNSUPPORTED = {
    "gdch_service_account": "it belongs to Google Distributed Cloud, which has other services",
}
