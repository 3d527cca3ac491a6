"""A shared access signature (SAS): a query that grants rights for some time, made by the owner of an account.

https://learn.microsoft.com/rest/api/storageservices/delegate-access-with-shared-access-signature
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple
from urllib.parse import parse_qsl

from bkagent.config.secret import Secret
from bkagent.errors import ConfigError
from bkagent.wire.timestamps import moment_of


@dataclass(frozen=True)
class SharedAccessSignature:
    """The text of the query, without a question mark; `expires_at` as it stands there, "" where it does not."""

    text: Secret
    expires_at: str

    @classmethod
    def read(cls, text: str, source: str) -> SharedAccessSignature:
        """Check a token. Raises ConfigError naming `source` and not the token."""
        query = text.strip().lstrip("?")
        fields = dict(parse_qsl(query))
        if not fields.get("sig") or not fields.get("sv") or not query.isascii() or not query.isprintable():
            raise ConfigError(f"{source} has no valid shared access signature: a query with sv=, sig= and others")
        return cls(Secret(query), fields.get("se", ""))

    def check_lifetime(self, now_s: float) -> None:
        """Raise ConfigError if it has expired."""
        moment_s = moment_of(self.expires_at)
        if moment_s is not None and moment_s <= now_s:
            raise ConfigError(f"the shared access signature expired at {self.expires_at}; make a new one")

    @property
    def pairs(self) -> Tuple[Tuple[str, str], ...]:
        """Names and values of the query."""
        return tuple(parse_qsl(self.text.reveal(), keep_blank_values=True))
