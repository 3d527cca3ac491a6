"""A credential configuration: the JSON object that describes one credential, as a file or a variable holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Tuple

from bkagent.cloud.renewal import Expiring
from bkagent.cloud.server_clock import ServerClock
from bkagent.cloud.token_answer import LARGEST_BYTES
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError
from bkagent.wire import go_decoding
from bkagent.wire.reader import Reader

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext

Fetch = Callable[[], Expiring[Secret]]  # a new access token; raises AgentError


@dataclass(frozen=True)
class Configuration:
    """fields  its members; errors name where it came from
    scopes    what a token is to allow: https://developers.google.com/identity/protocols/oauth2/scopes
    where     names the configuration in errors ("/etc/key.json (GOOGLE_APPLICATION_CREDENTIALS)")
    clock     the time by which tokens are asked for
    """

    context: CloudContext
    fields: Reader
    scopes: Tuple[str, ...]
    where: str
    clock: ServerClock

    def nested(self, name: str) -> Configuration:
        """Return the configuration that is a member of this one. Raises WireError."""
        return Configuration(
            self.context, Reader(self.fields.fields(name), f"{self.where}, {name}"), self.scopes, self.where, self.clock
        )


def read_configuration(context: CloudContext, text: bytes, where: str, scopes: Tuple[str, ...]) -> Configuration:
    """Return the configuration of a text. Raises ConfigError."""
    if len(text) > LARGEST_BYTES:
        raise ConfigError(f"{where} has more than {LARGEST_BYTES} bytes, which is no credential of Google")
    try:
        document = go_decoding.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ConfigError(f"{where} is not JSON, as a credential of Google must be") from None
    fields = Reader(document, where)
    return Configuration(context, fields, scopes, where, ServerClock(context.now, context.report))


def read_file(path: str, where: str) -> bytes:
    """Return the content of a file of at most LARGEST_BYTES; a link is followed. Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as problem:
        raise ConfigError(f"{where} cannot be read: {getattr(problem, 'strerror', None) or problem}") from problem
    if len(content) > LARGEST_BYTES:
        raise ConfigError(f"{where} has more than {LARGEST_BYTES} bytes")
    return content
