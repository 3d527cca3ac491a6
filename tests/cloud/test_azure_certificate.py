"""A service principal with a certificate: what it signs is held by openssl against the certificate."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from bkagent.cloud.azure import credential_chain
from bkagent.cloud.azure.token_source import STORAGE
from bkagent.cloud.cloud_context import CloudContext
from bkagent.errors import AgentError
from bkagent.transport.client.http_client import Pool
from tests.fakes import certificates
from tests.fakes.entra import CLIENT, TENANT, Entra

NOW_S = 1_700_000_000


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates.make(tmp_path_factory.mktemp("entra"))


@pytest.fixture
def entra(authority: Path) -> Iterator[Entra]:
    with Entra(certificates.server_side(authority)) as server:
        yield server


@pytest.fixture(scope="module")
def identity(authority: Path) -> Path:
    """Return a file with a certificate and its key."""
    file = authority / "identity.pem"
    file.write_text((authority / "server.key").read_text() + (authority / "server.pem").read_text())
    return file


def ask(entra: Entra, authority: Path, path: Path, **more: str) -> None:
    environ = {
        "AZURE_AUTHORITY_HOST": entra.url, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
        "AZURE_CLIENT_CERTIFICATE_PATH": str(path), "SSL_CERT_FILE": str(authority / "ca.pem"),
        "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential", **more,
    }  # fmt: skip
    context = CloudContext(
        Pool("http://localhost", environ), environ, "", "agent/1", lambda level, text: None, lambda seconds: False,
        lambda: float(NOW_S),
    )  # fmt: skip
    credential_chain.open_tokens(context, STORAGE).get()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def test_an_assertion_names_the_certificate_and_is_signed_by_its_key(
    entra: Entra, authority: Path, identity: Path, tmp_path: Path
) -> None:
    ask(entra, authority, identity)
    form = entra.forms[0]
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    header, claims, signature = form["client_assertion"].split(".")
    certificate = ssl.PEM_cert_to_DER_cert((authority / "server.pem").read_text())
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()
    assert json.loads(decoded(header)) == {"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}
    document: Dict[str, Any] = json.loads(decoded(claims))
    assert document.pop("jti") and document == {
        "aud": f"{entra.url}/{TENANT}/oauth2/v2.0/token", "iss": CLIENT, "sub": CLIENT, "nbf": NOW_S, "iat": NOW_S,
        "exp": NOW_S + 600,
    }  # fmt: skip
    verify(authority, f"{header}.{claims}".encode(), decoded(signature), tmp_path)


def verify(authority: Path, signed: bytes, signature: bytes, folder: Path) -> None:
    """Have openssl check a signature by the key of the certificate."""
    openssl = str(shutil.which("openssl"))
    (folder / "signed").write_bytes(signed)
    (folder / "signature").write_bytes(signature)
    public = subprocess.run(
        [openssl, "x509", "-in", str(authority / "server.pem"), "-noout", "-pubkey"], check=True, capture_output=True
    ).stdout
    (folder / "public.pem").write_bytes(public)
    done = subprocess.run(
        [openssl, "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-verify",
         "public.pem", "-signature", "signature", "signed"], cwd=str(folder), capture_output=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == b"Verified OK", done.stdout + done.stderr


def test_the_chain_of_certificates_is_sent_where_it_is_asked_for(entra: Entra, authority: Path, identity: Path) -> None:
    chain = authority / "chain.pem"
    chain.write_text(identity.read_text() + (authority / "ca.pem").read_text())
    ask(entra, authority, chain, AZURE_CLIENT_SEND_CERTIFICATE_CHAIN="True")
    header = json.loads(decoded(entra.forms[0]["client_assertion"].split(".")[0]))
    certificate = ssl.PEM_cert_to_DER_cert((authority / "server.pem").read_text())
    assert len(header["x5c"]) == 2 and base64.b64decode(header["x5c"][0]) == certificate


PEM = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"
UNUSABLE = {
    "missing": (None, "cannot be read: No such file"),
    "empty": (b"", "has no valid certificate"),
    "pkcs12": (b"0\x82\x0a\xff\x02", "must be PEM; PKCS #12 .* is not supported"),
    "no certificate": (PEM.format("PRIVATE KEY", "AAAA").encode(), "has no valid certificate"),
    "no base64": (PEM.format("CERTIFICATE", "A").encode(), "has no valid certificate"),
    "no key": (PEM.format("CERTIFICATE", "AAAA").encode(), "there is no PEM text that begins with -"),
    "encrypted": (
        PEM.format("CERTIFICATE", "AAAA").encode() + PEM.format("ENCRYPTED PRIVATE KEY", "AAAA").encode(), "encrypted"),
    "no RSA": (
        PEM.format("CERTIFICATE", "AAAA").encode() + PEM.format("PRIVATE KEY", "AAAA").encode(), "the file .*bad.pem"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_file_that_cannot_be_used_is_named(entra: Entra, authority: Path, tmp_path: Path, name: str) -> None:
    content, says = UNUSABLE[name]
    file = tmp_path / "bad.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(AgentError, match=says) as failure:
        ask(entra, authority, file)
    assert "AZURE_CLIENT_CERTIFICATE_PATH" in str(failure.value) and not entra.forms
