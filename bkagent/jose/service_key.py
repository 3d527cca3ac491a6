"""A key that never leaves the service that keeps it, such as AWS KMS or Google Cloud KMS.

What a service has to implement: a function `open_key(name, context) -> ServiceKey` in a module of the room `cloud`,
which a row in `cli/signing/key_services.py` names. It asks the service for the public key, for its algorithm, and
whether it is one for signatures, and raises AgentError, with one sentence that names the key, where it cannot be used.
It returns a ServiceKey whose `sign_digest` asks the service to sign a digest. Everything else is done here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Callable

from bkagent.jose import algorithms, der
from bkagent.jose.ecdsa import EcPublicKey
from bkagent.jose.errors import InvalidKey
from bkagent.jose.jwk import Jwk


@dataclass(frozen=True)
class ServiceKey:
    """Implements `signing_key.SigningKey`.

    algorithm    by its name in RFC 7518: RS, PS and ES of 256, 384 and 512
    key_id       the name by which the service knows the key, for the header of signatures; "" leaves it out
    public_der   SubjectPublicKeyInfo, as both services give it (Google in PEM: Base64 of it between two lines)
    sign_digest  sends the digest of a message, made by the hash function of the algorithm, and returns the service's
                 answer: for ES an ECDSA-Sig-Value in DER, for RS and PS the signature itself. Raises AgentError.
    public       the key by which signatures are verified, on this machine; made from `public_der`

    Raises InvalidKey for a public key that does not suit the algorithm.
    """

    algorithm: str
    key_id: str
    public_der: bytes
    sign_digest: Callable[[bytes], bytes] = field(repr=False)
    public: Jwk = field(init=False, repr=False)

    def __post_init__(self) -> None:
        key = der.public_key(self.public_der)
        algorithms.check(self.algorithm, key)
        object.__setattr__(self, "public", Jwk(key, self.algorithm, self.key_id, ("verify",), fits_any_id=True))

    @property
    def thumbprint(self) -> str:
        """SHA-256 of the public key as the service gives it, in hexadecimal digits, as the reference shows it."""
        return hashlib.sha256(self.public_der).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message. Raises AgentError, also where the service's answer does not verify."""
        key = self.public.key
        signature = self.sign_digest(algorithms.digest(self.algorithm, message))
        if isinstance(key, EcPublicKey):
            signature = der.ecdsa_signature(signature, key.curve)
        # Both services advise it: an answer may be damaged on its way.
        if not algorithms.verify(self.algorithm, key, message, signature):
            raise InvalidKey(f"the signature that was made with {self.key_id or 'the key'} does not verify")
        return signature
