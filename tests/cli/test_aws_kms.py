"""Pipelines signed and verified by a key that AWS KMS keeps: against moto, and beside the reference on the same one."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

import pytest

from bkagent.cloud.aws import key_management
from bkagent.config.launching import self_command
from bkagent.errors import AgentError
from bkagent.jose import key_set
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.signature.verify import verify_step
from bkagent.yaml.load import load
from tests.cloud.aws_fakes import Caller
from tests.fakes import moto
from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.reference import PROGRAM as REFERENCE
from tests.fakes.reference import needs_reference
from tests.fakes.scripted_server import Answer, ScriptedServer

REPOSITORY = "/no/repository"  # that of the fake control plane's jobs
PIPELINE = "steps: [{command: echo ran, env: {A: b}}]\n"


@pytest.fixture(scope="module")
def kms() -> Iterator[str]:
    """Yield the URL of a moto server."""
    with moto.start_signing_digests() as server:
        yield server.url


def _call(url: str, operation: str, document: Dict[str, Any]) -> Dict[str, Any]:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential=AKID/20261130/{moto.REGION}/kms/aws4_request, SignedHeaders=host, Signature=0"
    )
    headers = {
        "X-Amz-Target": f"TrentService.{operation}", "Content-Type": "application/x-amz-json-1.1",
        "Authorization": authorization,
    }  # fmt: skip
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(document).encode(), headers)) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def _new_key(url: str, spec: str = "ECC_NIST_P256", usage: str = "SIGN_VERIFY") -> str:
    """Return the ARN of a new key."""
    answer = _call(url, "CreateKey", {"KeySpec": spec, "KeyUsage": usage})
    return str(answer["KeyMetadata"]["Arn"])


def _sign(program: Sequence[str], folder: Path, environ: Dict[str, str], key: str, *more: str) -> Dict[str, Any]:
    """Return the first step of a pipeline that `tool sign` has signed."""
    (folder / "p.yml").write_text(PIPELINE)
    words = [*program, "tool", "sign", "p.yml", "--signing-aws-kms-key", key, "--repo", REPOSITORY, *more]
    done = subprocess.run(
        words, cwd=folder, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **environ}, capture_output=True,
        encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document: Any = load(done.stdout, "signed")
    step: Dict[str, Any] = document["steps"][0]
    return step


def _run_job(start: List[str], folder: Path, environ: Dict[str, str], step: Dict[str, Any]) -> str:
    """Return the log of the job of a step, run by an agent."""
    program, flags = start[:-2], start[-2:]
    with FakeControlPlane(ping_interval=1, job_status_interval=1, chunk_interval=1) as plane:
        job = plane.add_job("echo ran", {"A": "b"}, step)
        with AgentProcess(folder / "agent", plane.endpoint, *flags, env=environ, program=program) as agent:
            assert job.wait_finished(), agent.said
            return str(job.text)


OURS = self_command.command([])


@pytest.mark.parametrize("by", ["arn", "id", "alias"])
def test_a_pipeline_is_signed_and_its_job_verified(kms: str, tmp_path: Path, by: str) -> None:
    arn = _new_key(kms)
    alias = f"alias/{tmp_path.name}"
    _call(kms, "CreateAlias", {"AliasName": alias, "TargetKeyId": arn})
    key = {"arn": arn, "id": arn.rpartition("/")[2], "alias": alias}[by]
    step = _sign(OURS, tmp_path, moto.environ(kms), key)
    assert step["signature"]["algorithm"] == "ES256"
    if by != "alias":
        public = key_management.open_key(key, Caller(tmp_path, moto.environ(kms)).settings().context).public
        verify_step(read_command(step), {}, REPOSITORY, [public])
        return
    log = _run_job([*OURS, "--signing-aws-kms-key", key], tmp_path, moto.environ(kms), step)
    assert "Job signature verified" in log, log
    assert "\nran" in log
    changed = {**step, "command": "echo other"}
    log = _run_job([*OURS, "--signing-aws-kms-key", key], tmp_path / "2", moto.environ(kms), changed)
    assert "Job signature verification failed" in log, log


def test_the_public_key_in_a_file_verifies_by_its_arn(kms: str, tmp_path: Path) -> None:
    """As in version 4.13 of the reference: `kid` of the key in --verification-jwks-file is the ARN."""
    arn = _new_key(kms)
    step = _sign(OURS, tmp_path, moto.environ(kms), arn, "--compat", "4")
    public = key_management.open_key(arn, Caller(tmp_path, moto.environ(kms)).settings().context).public
    assert public.key_id == arn
    (tmp_path / "keys.json").write_text(json.dumps(key_set.document([public])))
    keys = key_set.parse((tmp_path / "keys.json").read_bytes())
    verify_step(read_command(step), {}, REPOSITORY, keys)


@needs_reference
@pytest.mark.parametrize("by_us", [True, False], ids=["signed here", "signed there"])
def test_each_verifies_what_the_other_has_signed(kms: str, tmp_path: Path, by_us: bool) -> None:
    """The reference, on the same moto."""
    key = _new_key(kms)
    signer, verifier = (OURS, [REFERENCE]) if by_us else ([REFERENCE], OURS)
    (tmp_path / "signer").mkdir()
    step = _sign(signer, tmp_path / "signer", moto.environ(kms), key)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    environ = {
        **moto.environ(kms),
        "BUILDKITE_HOOKS_PATH": str(hooks),
        "BUILDKITE_PLUGINS_PATH": str(tmp_path / "plugins"),
    }
    log = _run_job([*verifier, "--signing-aws-kms-key", key], tmp_path, environ, step)
    assert "ob signature verified" in log, log
    assert "\nran" in log.replace("\r\n", "\n")


def _refusal(url: str, tmp_path: Path, key: str, **environ: str) -> str:
    caller = Caller(tmp_path, {**moto.environ(url), **environ})
    with pytest.raises(AgentError) as raised:
        key_management.open_key(key, caller.settings().context).sign(b"message")
    return str(raised.value)


def test_keys_that_cannot_be_used_are_named(kms: str, tmp_path: Path) -> None:
    assert "there is no such key in this account and region" in _refusal(kms, tmp_path, "alias/none")
    rsa = _new_key(kms, "RSA_2048")
    assert f"the AWS KMS key {rsa} is of RSA_2048 for SIGN_VERIFY, and must be of ECC_NIST_P256" in _refusal(
        kms, tmp_path, rsa
    )
    assert '"x y" is no AWS region' in _refusal(kms, tmp_path, "arn:aws:kms:x y:1:key/2")
    assert "no AWS region is known" in _refusal(kms, tmp_path, "alias/none", AWS_REGION="")


def test_an_agent_does_not_start_without_its_key(kms: str, tmp_path: Path) -> None:
    """One that ran without it would run jobs whose signatures nobody has verified."""
    with FakeControlPlane() as plane, AgentProcess(
        tmp_path / "agent", plane.endpoint, "--signing-aws-kms-key", "alias/none", env=moto.environ(kms)
    ) as agent:  # fmt: skip
        assert agent.wait() == 1
        assert "signing-aws-kms-key (from the flag --signing-aws-kms-key): AWS KMS GetPublicKey" in agent.said, (
            agent.said
        )
        assert not plane.requests


def test_answers_that_cannot_be_trusted(kms: str, tmp_path: Path) -> None:
    """A signature of another key, half an answer, a page of a proxy, a refusal; busy for a moment."""
    genuine = {name: _call(kms, "GetPublicKey", {"KeyId": _new_key(kms)}) for name in ("one", "two")}
    document = {"KeyId": genuine["two"]["KeyId"], "Message": "A" * 43 + "=", "MessageType": "DIGEST"}
    other = _call(kms, "Sign", {**document, "SigningAlgorithm": "ECDSA_SHA_256"})
    busy = Answer(400, {"__type": "ThrottlingException", "message": "Rate exceeded"})
    denied = Answer(400, {"__type": "com.amazonaws#AccessDeniedException", "Message": "not allowed"})
    cases = [
        ([busy, Answer(200, genuine["one"]), busy, Answer(200, other)], "does not verify"),
        ([Answer(200, genuine["one"]), Answer(200, {"Signature": "?"})], "Signature must be a text in Base64"),
        ([Answer(200, {**genuine["one"], "PublicKey": "AAAA"})], "about the key alias/k: PublicKey is invalid"),
        ([Answer(200, body=b"<html>login</html>", headers={"Content-Type": "text/html"})], "is not valid JSON"),
        ([denied], "the credentials need kms:GetPublicKey and kms:Sign for it"),
    ]
    for answers, sentence in cases:
        with ScriptedServer({"POST /": answers}) as server:
            assert sentence in _refusal(server.url, tmp_path, "alias/k")
