"""The accounts that a service may run as, by the form of their names.

Source: https://learn.microsoft.com/windows/win32/services/service-user-accounts
"""

from __future__ import annotations

from dataclasses import dataclass

from bkagent.errors import ConfigError
from bkagent.system.service import service_account

_VIRTUAL = "nt service\\"
# With their security identifiers, since Windows looks up no account by the names that these have as services.
_BUILT_IN = {"nt authority\\localservice": "S-1-5-19", "nt authority\\networkservice": "S-1-5-20"}
_SYSTEM = ("localsystem", ".\\localsystem", "nt authority\\system")
_SYSTEM_SID = "S-1-5-18"


@dataclass(frozen=True)
class RunAs:
    """An account. `sid`: its security identifier, "" where Windows has to be asked."""

    account: str
    sid: str = ""
    needs_password: bool = False
    is_system: bool = False


def parse(text: str, service: str) -> RunAs:
    """Return the account that `text` names, for this service. Raises ConfigError."""
    lower = text.lower()
    if lower in _SYSTEM:
        return RunAs("LocalSystem", _SYSTEM_SID, is_system=True)
    if lower.startswith(_VIRTUAL):
        if lower != _VIRTUAL + service.lower():
            raise ConfigError(
                f"run-as: a service can only have its own virtual account, NT SERVICE\\{service}, not {text}"
            )
        return RunAs(f"NT SERVICE\\{service}", service_account.virtual_account_sid(service))
    domain, backslash, user = text.partition("\\")
    if lower in _BUILT_IN or (backslash and domain and user.endswith("$") and user != "$"):
        return RunAs(text, _BUILT_IN.get(lower, ""))
    has_domain = bool(backslash and domain and user.strip("$") and "\\" not in user)
    if has_domain or ("@" in text.strip("@") and not backslash):
        return RunAs(text, needs_password=True)
    raise ConfigError(
        f"run-as must be NT SERVICE\\{service} (an account for this service alone), DOMAIN\\NAME$ (a managed service "
        f'account), DOMAIN\\USER or .\\USER, not "{text}"'
    )
