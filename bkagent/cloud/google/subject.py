"""Whose token Google's STS exchanges: what a configuration says of an identity of another provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from bkagent.cloud.google.configuration import Configuration
from bkagent.config.secret import Secret
from bkagent.wire.reader import Reader

FetchSubject = Callable[[], Secret]


@dataclass(frozen=True)
class Subject:
    """The identity, and in `source` where its token comes from.

    account_url  of the service account that the identity acts as, "" for none
    """

    configuration: Configuration
    audience: str
    token_type: str
    account_url: str

    @property
    def source(self) -> Reader:
        """The member `credential_source`."""
        return self.configuration.nested("credential_source").fields

    @property
    def where(self) -> str:
        """Names the source in errors."""
        return f"{self.configuration.where}, credential_source"
