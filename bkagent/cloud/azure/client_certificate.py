"""A service principal that proves itself by a certificate: a JWT signed with its key.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import uuid
from typing import Any, Dict, List

from bkagent.cloud.cloud_context import CloudContext
from bkagent.errors import ConfigError
from bkagent.jose import algorithms, base64url
from bkagent.jose.errors import InvalidKey
from bkagent.jose.pem_keys import read_rsa_private_key

_VARIABLE = "AZURE_CLIENT_CERTIFICATE_PATH"
_LARGEST_BYTES = 256 * 1024
_LIFETIME_S = 600
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def assertion(context: CloudContext, path: str, client_id: str, audience: str) -> str:
    """Return a signed assertion for an endpoint. Raises ConfigError for a file that has not both, key and certificate.

    AZURE_CLIENT_SEND_CERTIFICATE_CHAIN adds all certificates of the file, which Entra wants where an application
    trusts names and not certificates.
    """
    text = _read(path)
    certificates = _certificates(text, path)
    try:
        key = read_rsa_private_key(text)
    except InvalidKey as problem:
        raise ConfigError(f"the file {path}, which {_VARIABLE} names: {problem}") from problem
    thumbprint = base64url.encode(hashlib.sha256(certificates[0]).digest())
    header: Dict[str, Any] = {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}
    if context.environ.get("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN", "").lower() in ("1", "true"):
        header["x5c"] = [base64.b64encode(certificate).decode() for certificate in certificates]
    now_s = int(context.now())
    claims = {
        "aud": audience, "iss": client_id, "sub": client_id, "jti": str(uuid.uuid4()),
        "nbf": now_s, "iat": now_s, "exp": now_s + _LIFETIME_S,
    }  # fmt: skip
    signed = f"{_encode(header)}.{_encode(claims)}"
    return f"{signed}.{base64url.encode(algorithms.sign('PS256', key, signed.encode()))}"


def _encode(document: Dict[str, Any]) -> str:
    return base64url.encode(json.dumps(document, separators=(",", ":")).encode())


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_BYTES)
    except OSError as problem:
        reason = problem.strerror or problem
        raise ConfigError(f"the file {path}, which {_VARIABLE} names, cannot be read: {reason}") from problem
    if not content.isascii():
        raise ConfigError(f"the file {path}, which {_VARIABLE} names, must be PEM; PKCS #12 (.pfx) is not supported")
    return content.decode("ascii")


def _certificates(text: str, path: str) -> List[bytes]:
    try:
        certificates = [base64.b64decode("".join(block.split()), validate=True) for block in _CERTIFICATE.findall(text)]
    except (binascii.Error, ValueError):
        certificates = []
    if not certificates:
        raise ConfigError(f"the file {path}, which {_VARIABLE} names, has no valid certificate beside the key")
    return certificates
