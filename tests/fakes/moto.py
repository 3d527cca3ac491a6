"""moto's server, an emulator of AWS: S3, STS, SSO, KMS and others at one URL, without a check of signatures."""

from __future__ import annotations

from typing import Dict

from tests.fakes import store_emulators

# moto takes any. A region other than us-east-1 shows where it matters.
ACCESS_KEY_ID, SECRET_ACCESS_KEY, REGION = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eu-west-1",
)


# What KMS of moto 5.2.5 lacks: it hashes what is a digest already (`MessageType: DIGEST`), and names no KeySpec.
_WITH_DIGESTS = """
import json
from cryptography.hazmat.primitives.asymmetric import ec, utils
from moto.kms import utils as keys
from moto.kms.responses import KmsResponse
from moto.server import main
get_public_key = KmsResponse.get_public_key
def with_spec(self):
    answer = json.loads(get_public_key(self))
    return json.dumps({**answer, "KeySpec": answer["CustomerMasterKeySpec"]})
KmsResponse.get_public_key = with_spec
hash_of = keys.ECDSAPrivateKey._ECDSAPrivateKey__hash_algorithm
def sign(self, message, signing_algorithm):
    digest_of = hash_of(self, signing_algorithm)
    assert len(message) == digest_of.digest_size, "only digests are signed"
    return self.private_key.sign(message, ec.ECDSA(utils.Prehashed(digest_of)))
keys.ECDSAPrivateKey.sign = sign
main()
"""
_ARGUMENTS, _LISTENS = ["-H", "127.0.0.1", "-p", "0"], r"Running on (http://127\.0\.0\.1:\d+)"


def start() -> store_emulators.EmulatorProcess:
    """Return a server for a `with` statement; skips the test where moto is missing."""
    command = [store_emulators.program("moto_server", "moto"), *_ARGUMENTS]
    return store_emulators.EmulatorProcess(command, _LISTENS)


def start_signing_digests() -> store_emulators.EmulatorProcess:
    """Return a server whose KMS signs digests, and nothing else."""
    return store_emulators.EmulatorProcess([store_emulators.python(), "-c", _WITH_DIGESTS, *_ARGUMENTS], _LISTENS)


def environ(url: str) -> Dict[str, str]:
    """Return the variables by which clients of AWS talk to the server."""
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
