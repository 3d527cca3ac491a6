"""Credentials as JSON, in the forms of IMDS, of containers, of credential processes and of IAM Identity Center."""

from __future__ import annotations

from typing import Mapping

from bkagent.cloud.aws.credentials import AwsCredentials
from bkagent.cloud.renewal import Expiring
from bkagent.config.secret import Secret
from bkagent.errors import WireError
from bkagent.wire import json_text, timestamps
from bkagent.wire.reader import Reader


def fields_of(text: bytes, what: str) -> Mapping[str, object]:
    """Return the object of a JSON text. Raises WireError that names `what` and quotes nothing, since it has secrets."""
    try:
        document = json_text.loads(text)
    except ValueError:
        raise WireError(f"{what} is not valid JSON, or incomplete") from None
    if not isinstance(document, dict):
        raise WireError(f"{what} must be a JSON object")
    return document


def read(document: object, what: str, source: str, token_name: str = "Token") -> Expiring[AwsCredentials]:
    """Return the credentials of a document. Raises WireError that names the missing or invalid field."""
    fields = Reader(document, what)
    credentials = AwsCredentials(
        fields.text("AccessKeyId"), Secret(fields.text("SecretAccessKey")), Secret(fields.text(token_name, "")), source
    )
    return Expiring(credentials, expiry(fields.text("Expiration", ""), what))


def expiry(text: str, what: str) -> "float | None":
    """Return the seconds since the epoch of an RFC 3339 text, None for "". Raises WireError."""
    if not text:
        return None
    moment_s = timestamps.moment_of(text)
    if moment_s is None:
        raise WireError(f"{what}: Expiration must be a time in the form of RFC 3339")
    return moment_s
