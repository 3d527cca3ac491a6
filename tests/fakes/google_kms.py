"""Google Cloud KMS as a recording server, with keys of `cryptography` that really sign the digests that it is sent."""

from __future__ import annotations

import base64
from typing import Any, Dict, List

from tests.fakes.google_accounts import CLOUD_PLATFORM, GoogleAccounts
from tests.fakes.scripted_server import Answer, Request

RING = "projects/project/locations/europe-west1/keyRings/ring/cryptoKeys"
_HASHES = {"SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}


def name_of(algorithm: str) -> str:
    """Return the resource name of the key that has an algorithm."""
    return f"{RING}/{algorithm}/cryptoKeyVersions/1"


class GoogleKms:
    """Answers for the host of KMS. `signed` is every digest that was signed; `faults` are given first."""

    def __init__(self, accounts: GoogleAccounts) -> None:
        self._accounts = accounts
        self._keys: Dict[str, Any] = {}
        self.signed: List[bytes] = []
        self.faults: List[Any] = []
        self.damages_signatures = False

    def __call__(self, request: Request) -> Any:
        grant = self._accounts.grant_of(request.headers.get("authorization", ""))
        if grant is None:
            return Answer(401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "no such token"}})
        if self.faults:
            return self.faults.pop(0)
        assert grant.scopes in ([CLOUD_PLATFORM], []), grant
        algorithm = request.path.split("/")[9].partition(":")[0]
        if request.path == f"/v1/{name_of(algorithm)}/publicKey" and request.method == "GET":
            return Answer(200, {"pem": self._public_pem(algorithm), "algorithm": algorithm, "name": name_of(algorithm)})
        assert request.line == f"POST /v1/{name_of(algorithm)}:asymmetricSign", request.line
        [(hash_name, text)] = request.document["digest"].items()
        assert hash_name == _HASHES[algorithm.rpartition("_")[2]]
        self.signed.append(base64.b64decode(text))
        signature = self._sign(algorithm, self.signed[-1])
        if self.damages_signatures:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        return Answer(200, {"signature": base64.b64encode(signature).decode(), "name": name_of(algorithm)})

    def _key(self, algorithm: str) -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa

        if algorithm not in self._keys:
            kind, bits = algorithm.split("_")[0], algorithm.split("_")[-2]
            curves = {"P256": ec.SECP256R1, "P384": ec.SECP384R1}
            self._keys[algorithm] = (
                rsa.generate_private_key(65537, int(bits))
                if kind == "RSA"
                else ec.generate_private_key(curves.get(bits, ec.SECP256R1)())
            )
        return self._keys[algorithm]

    def _public_pem(self, algorithm: str) -> str:
        from cryptography.hazmat.primitives import serialization

        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return str(self._key(algorithm).public_key().public_bytes(serialization.Encoding.PEM, form).decode())

    def _sign(self, algorithm: str, digest: bytes) -> bytes:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec, padding, utils

        hash_function = getattr(hashes, algorithm.rpartition("_")[2])()
        prehashed = utils.Prehashed(hash_function)
        key = self._key(algorithm)
        if algorithm.startswith("EC_"):
            return bytes(key.sign(digest, ec.ECDSA(prehashed)))
        if "_PSS_" in algorithm:
            pss = padding.PSS(padding.MGF1(hash_function), padding.PSS.DIGEST_LENGTH)
            return bytes(key.sign(digest, pss, prehashed))
        return bytes(key.sign(digest, padding.PKCS1v15(), prehashed))
