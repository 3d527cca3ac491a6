"""Credentials of AWS, and who gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import AgentError

NO_SECRET = Secret("")


@dataclass(frozen=True)
class AwsCredentials:
    """An access key. `session_token` is empty for a key that does not expire; `source` says where all came from."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret = NO_SECRET
    source: str = ""


Fetch = Callable[[], Expiring[AwsCredentials]]


class NoCredentials(AgentError):
    """A source that was chosen gives no credentials; the text names it and says what would help."""
