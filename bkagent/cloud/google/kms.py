"""Keys of Google Cloud KMS that sign, by its REST API.

https://cloud.google.com/kms/docs/reference/rest/v1/projects.locations.keyRings.cryptoKeys.cryptoKeyVersions
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import partial
from typing import TYPE_CHECKING, Dict, Optional

from bkagent.cloud.google.authorized_client import AuthorizedClient
from bkagent.cloud.google.default_credentials import find_credentials
from bkagent.cloud.google.endpoint import encode_json, refusal
from bkagent.cloud.google.impersonation import CLOUD_PLATFORM
from bkagent.cloud.token_answer import read_object
from bkagent.cloud.token_endpoint import SCHEDULE
from bkagent.errors import ConfigError, WireError
from bkagent.jose.errors import InvalidKey
from bkagent.jose.pem_keys import decode_pem
from bkagent.jose.service_key import ServiceKey
from bkagent.transport.retry import retry
from bkagent.wire.shown_text import one_line

if TYPE_CHECKING:
    from bkagent.cloud.cloud_context import CloudContext
    from bkagent.wire.reader import Reader

_ENDPOINT = "https://cloudkms.googleapis.com/v1/"
_SILENCE_LIMIT_S = 60.0
_NAME = re.compile(
    r"projects/[A-Za-z0-9.:_-]+/locations/[A-Za-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+"
    r"/cryptoKeyVersions/[0-9]+"
)
_FORM = "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/VERSION"
# Those that the reference knows; RFC 7518 has names for them. https://cloud.google.com/kms/docs/algorithms
_ALGORITHMS: Dict[str, str] = {
    "EC_SIGN_P256_SHA256": "ES256",
    "EC_SIGN_P384_SHA384": "ES384",
    **{f"RSA_SIGN_PKCS1_{bits}_SHA256": "RS256" for bits in (2048, 3072, 4096)},
    **{f"RSA_SIGN_PSS_{bits}_SHA256": "PS256" for bits in (2048, 3072, 4096)},
    "RSA_SIGN_PKCS1_4096_SHA512": "RS512",
    "RSA_SIGN_PSS_4096_SHA512": "PS512",
}


def open_key(name: str, context: CloudContext) -> ServiceKey:
    """Return the key version of a resource name. Raises AgentError where it cannot sign, naming it."""
    if not _NAME.fullmatch(name):
        raise ConfigError(f'a key of Google Cloud KMS must have the form {_FORM}, not "{one_line(name[:300])}"')
    service = _KeyVersion(name, context)
    described = service.call("GET", "/publicKey")
    algorithm = _ALGORITHMS.get(described.text("algorithm"))
    if algorithm is None:
        raise ConfigError(
            f"the key {name} is for {one_line(described.text('algorithm')[:60])}; for signatures it must be one of "
            f"{', '.join(_ALGORITHMS)}"
        )
    try:
        public_der = decode_pem(described.text("pem"), ("PUBLIC KEY",))[1]
        return ServiceKey(algorithm, name, public_der, partial(service.sign, algorithm))
    except InvalidKey as problem:
        raise WireError(f"the public key of {name} cannot be used: {problem}") from problem


class _KeyVersion:
    """One version of a key, at the service."""

    def __init__(self, name: str, context: CloudContext) -> None:
        credentials = find_credentials(context, (CLOUD_PLATFORM,))
        self._client = AuthorizedClient(context, credentials)
        self._name, self._context = name, context
        # People who signed in by gcloud have no project of their own that the request could be charged to.
        self._headers = {"X-Goog-User-Project": credentials.quota_project} if credentials.quota_project else {}

    def sign(self, algorithm: str, digest: bytes) -> bytes:
        """Return the service's signature of a digest. Raises AgentError."""
        text = base64.b64encode(digest).decode("ascii")
        answer = self.call("POST", ":asymmetricSign", {"digest": {f"sha{algorithm[2:]}": text}})
        try:
            return base64.b64decode(answer.text("signature"), validate=True)
        except (binascii.Error, ValueError):
            raise WireError(f"the signature of the key {self._name} came in no valid form") from None

    def call(self, method: str, operation: str, document: Optional[Dict[str, object]] = None) -> Reader:
        """Return the service's answer to a request, which is tried several times. Raises AgentError."""
        url = f"{_ENDPOINT}{self._name}{operation}"
        headers = {**self._headers, "Content-Type": "application/json"} if document else self._headers
        body = encode_json(document) if document else b""
        what = f"{method} {url}"

        def attempt(_: int) -> Reader:
            response = self._client.send(method, url, headers, body, timeout_s=_SILENCE_LIMIT_S)
            if response.status != 200:
                raise refusal(what, response)
            return read_object(response.body, what)

        return retry(attempt, SCHEDULE, wait=self._context.wait, report=self._context.report, what="Cloud KMS")
