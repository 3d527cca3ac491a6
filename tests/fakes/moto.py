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


def start() -> store_emulators.EmulatorProcess:
    """Return a server for a `with` statement; skips the test where moto is missing."""
    command = [store_emulators.program("moto_server", "moto"), "-H", "127.0.0.1", "-p", "0"]
    return store_emulators.EmulatorProcess(command, r"Running on (http://127\.0\.0\.1:\d+)")


def environ(url: str) -> Dict[str, str]:
    """Return the variables by which clients of AWS talk to the server."""
    return {
        "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
