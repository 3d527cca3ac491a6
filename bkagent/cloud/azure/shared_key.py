"""Requests and links signed with the key of a storage account.

https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
https://learn.microsoft.com/rest/api/storageservices/create-service-sas
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import List, Mapping, Sequence, Tuple
from urllib.parse import urlencode

from bkagent.config.secret import Secret
from bkagent.errors import ConfigError

# With this version a string to sign of a link has the 16 lines of `_link_text`.
LINK_VERSION = "2021-12-02"
# Headers whose values are signed by their place, in this order.
_SIGNED_HEADERS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip


@dataclass(frozen=True)
class SharedKey:
    """An account's name and one of its keys, decoded."""

    account: str
    key: Secret

    @classmethod
    def read(cls, account: str, text: str, source: str) -> SharedKey:
        """Check a key as Azure shows it, in base64. Raises ConfigError naming `source` and not the key."""
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            content = b""
        if not content:
            raise ConfigError(f"the account key in {source} is not base64; copy it from the account's access keys")
        return cls(account, Secret(text))

    def sign(self, text: str) -> str:
        """Return the signature of a text, in base64."""
        key = base64.b64decode(self.key.reveal())
        return base64.b64encode(hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()).decode("ascii")

    def authorization(
        self, method: str, path: str, query: Sequence[Tuple[str, str]], headers: Mapping[str, str]
    ) -> str:
        """Return the Authorization header of a request, whose path is as it is sent and whose query is not escaped."""
        return f"SharedKey {self.account}:{self.sign(request_text(self.account, method, path, query, headers))}"

    def read_link(self, url: str, container: str, blob: str, expires_s: float) -> str:
        """Return a URL by which anyone can read a blob until a time, in seconds since the epoch."""
        expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires_s))
        text = _link_text("r", expiry, f"/blob/{self.account}/{container}/{blob}")
        pairs = {"se": expiry, "sig": self.sign(text), "sp": "r", "sr": "b", "sv": LINK_VERSION}
        return f"{url}?{urlencode(pairs)}"


def request_text(
    account: str, method: str, path: str, query: Sequence[Tuple[str, str]], headers: Mapping[str, str]
) -> str:
    """Return what is signed of a request."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    if values.get("content-length") == "0":
        del values["content-length"]
    if "x-ms-date" in values:
        values.pop("date", None)
    lines = [method, *(values.get(name, "") for name in _SIGNED_HEADERS)]
    lines += [f"{name}:{values[name]}" for name in sorted(values) if name.startswith("x-ms-")]
    lines.append(f"/{account}{path}")
    parameters: "dict[str, List[str]]" = {}
    for name, value in query:
        parameters.setdefault(name.lower(), []).append(value)
    lines += [f"{name}:{','.join(sorted(parameters[name]))}" for name in sorted(parameters)]
    return "\n".join(lines)


def _link_text(permissions: str, expiry: str, resource: str) -> str:
    """Return what is signed of a link to one blob; empty lines are for what such a link does not restrict."""
    start = identifier = addresses = protocol = snapshot = encryption_scope = ""
    answer_headers = ("",) * 5
    fields = (permissions, start, expiry, resource, identifier, addresses, protocol, LINK_VERSION, "b", snapshot,
              encryption_scope, *answer_headers)  # fmt: skip
    return "\n".join(fields)
