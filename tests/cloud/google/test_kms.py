"""Keys of Google Cloud KMS at a server that really signs: opened, used by commands, and refused."""

import json
import subprocess

import pytest

from bkagent.cli.commands import start
from bkagent.cli.start import agent_keys
from bkagent.cloud.google import kms
from bkagent.errors import AgentError, ConfigError, Refused, WireError
from bkagent.jose import algorithms, der, jwk
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.signature.verify import verify_step
from bkagent.yaml.load import load
from tests.cli.test_key_services import call_of
from tests.cloud.google.test_credentials import Client
from tests.fakes import google_accounts, google_front
from tests.fakes.google_accounts import GoogleAccounts
from tests.fakes.google_kms import GoogleKms, name_of
from tests.fakes.installed_archive import program_of
from tests.fakes.scripted_server import Answer

EC = name_of("EC_SIGN_P256_SHA256")
SIGNING = {
    "EC_SIGN_P256_SHA256": "ES256", "EC_SIGN_P384_SHA384": "ES384", "RSA_SIGN_PKCS1_2048_SHA256": "RS256",
    "RSA_SIGN_PSS_2048_SHA256": "PS256",
}  # fmt: skip


@pytest.fixture
def accounts():
    google_accounts.account_key()
    return GoogleAccounts()


@pytest.fixture
def front(accounts, tmp_path):
    folder = tmp_path / "front"
    folder.mkdir()
    with google_front.GoogleFront(folder, accounts) as started:
        started.services[google_front.KMS_HOST] = GoogleKms(accounts)
        yield started


@pytest.fixture
def environ(accounts, front, tmp_path):
    path = tmp_path / "account.json"
    document = accounts.document("https://oauth2.googleapis.com", "service_account", quota_project_id="quota")
    path.write_text(json.dumps(document))
    return {**front.environ(), "GOOGLE_APPLICATION_CREDENTIALS": str(path)}


@pytest.fixture
def service(front):
    return front.services[google_front.KMS_HOST]


@pytest.fixture
def client(environ, tmp_path):
    opened = Client(tmp_path, **environ)
    yield opened
    opened.pool.close()


@pytest.mark.parametrize("algorithm", SIGNING)
def test_a_key_signs_by_its_algorithm(front, client, algorithm):
    key = kms.open_key(name_of(algorithm), client.context)
    assert key.algorithm == SIGNING[algorithm] and key.key_id == name_of(algorithm)
    assert algorithms.verify(key.algorithm, key.public.key, b"text", key.sign(b"text"))
    asked = [request for request in front.seen if request.headers["host"] == google_front.KMS_HOST]
    assert [request.headers["x-goog-user-project"] for request in asked] == ["quota", "quota"]


def test_a_key_that_cannot_sign_is_named(front, client, service):
    with pytest.raises(ConfigError, match='must have the form projects/PROJECT/.*, not "projects/x"'):
        kms.open_key("projects/x", client.context)
    with pytest.raises(ConfigError, match="is for EC_SIGN_ED25519; for signatures it must be one of EC_SIGN_P256_SHA2"):
        kms.open_key(name_of("EC_SIGN_ED25519"), client.context)
    cases = [
        (Answer(404, {"error": {"status": "NOT_FOUND", "message": "no key"}}), Refused, "404: NOT_FOUND: no key"),
        (Answer(403, body=b"<html>"), Refused, f"GET https://cloudkms.googleapis.com/v1/{EC}/publicKey: 403"),
        (Answer(200, body=b"<html>"), WireError, "the answer is not JSON"),
        (Answer(200, {"algorithm": "EC_SIGN_P256_SHA256"}), WireError, "pem must be"),
        (Answer(200, {"algorithm": "EC_SIGN_P256_SHA256", "pem": "no"}), WireError, "the public key of .* cannot be"),
    ]
    for answer, kind, message in cases:
        service.faults[:] = [answer] * 4  # what makes no sense is asked for again
        with pytest.raises(kind, match=message):
            kms.open_key(EC, client.context)
    client.waits.clear()
    service.faults[:] = []
    service.faults.append(Answer(503, headers={"Retry-After": "3"}))
    key = kms.open_key(EC, client.context)
    assert client.waits == [3.0]
    service.faults.append(Answer(200, {"signature": "no base64!"}))
    with pytest.raises(WireError, match="the signature of the key .* came in no valid form"):
        key.sign(b"text")
    service.damages_signatures = True
    with pytest.raises(AgentError, match="does not verify|out of range|DER"):
        key.sign(b"text")


def test_the_archive_signs_a_pipeline_and_an_agent_verifies_it(archive, front, environ, service, tmp_path):
    (tmp_path / "p.yml").write_text("steps: [{command: echo a}]")
    words = [*program_of(archive), "tool", "sign", "--signing-gcp-kms-key", EC, "--repo", "r", "p.yml"]
    signed = subprocess.run(
        words, cwd=tmp_path, env={**environ, "HOME": str(tmp_path)}, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    step = load(signed, "signed")["steps"][0]
    assert step["signature"]["algorithm"] == "ES256" and len(service.signed) == 1

    key = kms_public_key(service)
    verify_step(read_command(step), {}, "r", [jwk.Jwk(key, "ES256", "", ("verify",), fits_any_id=True)])
    call = call_of(start.COMMAND, "--signing-gcp-kms-key", EC)
    call.environ.update(environ)
    [public] = agent_keys.service_keys(call)
    verify_step(read_command(step), {}, "r", [public])
    assert public.key == key


def kms_public_key(service):
    from cryptography.hazmat.primitives import serialization

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return der.public_key(
        service._key("EC_SIGN_P256_SHA256").public_key().public_bytes(serialization.Encoding.DER, form)
    )


def test_a_command_says_which_key_cannot_be_used_and_why(archive, front, environ, service, tmp_path):
    (tmp_path / "p.yml").write_text("steps: [{command: echo a}]")
    service.faults.append(Answer(403, {"error": {"status": "PERMISSION_DENIED", "message": "not allowed"}}))
    words = [*program_of(archive), "tool", "sign", "--signing-gcp-kms-key", EC, "--repo", "r", "p.yml"]
    ended = subprocess.run(
        words, cwd=tmp_path, env={**environ, "HOME": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert ended.returncode == 1 and not ended.stdout
    assert "PERMISSION_DENIED: not allowed" in ended.stderr and "signing-gcp-kms-key" in ended.stderr
    assert "PRIVATE KEY" not in ended.stderr and "ya29" not in ended.stderr
