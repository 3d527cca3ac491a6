"""Agents that verify: nothing of a job runs whose signature is missing or does not hold."""

import json

import pytest

from bkagent.jose import algorithms, key_set, rsa
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document import normalise
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.signature.sign import sign

REPOSITORY = "/no/repository"  # that of the fake control plane's jobs
KEY = Jwk(algorithms.generate("EdDSA"), "EdDSA", "llama")
VERIFIED = "~~~ \N{WHITE HEAVY CHECK MARK} Job signature verified\nsignature: "
REFUSED = "+++ \N{NO ENTRY} Job signature verification failed\nerror: "
WARNED = "+++ \N{WARNING SIGN}\N{VARIATION SELECTOR-16} Job signature verification failed\nerror: "


@pytest.fixture
def keys(tmp_path):
    """Return a file of the public key."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(key_set.document([KEY.public])))
    return str(path)


def signed(text, key=KEY):
    typed = read_pipeline(text, "p.yml", {}, interpolate=False).typed
    sign(typed, key, REPOSITORY, lambda text: None)
    return normalise.to_wire(typed)["steps"][0]


def test_signed_jobs_run(plane, start, tmp_path):
    """By each kind of key, all in one set."""
    rsa_key = rsa.generate(2048)  # a new key of the usual length takes seconds to make
    keys = [Jwk(rsa_key, name, name) for name in ("PS512", "RS256")]
    keys += [Jwk(algorithms.generate(name), name, name) for name in ("EdDSA", "ES512", "ES256")]
    (tmp_path / "keys.json").write_text(json.dumps(key_set.document([key.public for key in keys])))
    jobs = []
    for key in keys:
        step = signed("{env: {P: q}, steps: [{command: 'echo {{matrix}} $A $P', env: {A: b}, matrix: [ran]}]}", key)
        jobs.append(plane.add_job("echo ran $A $P", {"A": "b", "P": "q"}, step))
        jobs[-1].matrix_permutation = {"": "ran"}
    agent = start("--verification-jwks-file", str(tmp_path / "keys.json"))
    for job in jobs:
        assert job.wait_finished() and job.finish["exit_status"] == "0", agent.said
        shown = f"{VERIFIED}{job.step['signature']['value']}\n"
        assert job.text.startswith(shown) and "\nran b q\n" in job.text, job.text
    assert "unverified" not in agent.said


def test_nothing_of_a_job_runs_that_was_changed(plane, start, tmp_path, keys):
    """Neither its command nor a plugin of it, nor the hook that would be asked about it."""
    ran, hooks = tmp_path / "ran", tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-bootstrap", "environment"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (hooks / name).chmod(0o755)
    command = f"touch {ran}"
    step = signed(f"{{env: {{P: q}}, steps: [{{command: {command}, env: {{A: b}}}}]}}")
    env, plugin = {"A": "b", "P": "q"}, [{"github.com/o/p-buildkite-plugin#v1": None}]
    value, covered = step["signature"]["value"], step["signature"]["signed_fields"]
    long_name = "env::" + "N\n" * 1_000_000
    changes = [
        (command + " ", env, step, "BUILDKITE_COMMAND differs from the command of the signed step"),
        (command, {**env, "A": "c"}, step, "the variable A differs from that of the signed step"),
        (command, {**env, "P": "r"}, step, "the signature does not belong to this content"),
        (command, {"A": "b"}, step, "the signature covers the variable P, which the job does not have"),
        (command, {**env, "BUILDKITE_REPO": "/other"}, step, "the signature does not belong to this content"),
        (command, {**env, "BUILDKITE_PLUGINS": json.dumps(plugin)}, step, "BUILDKITE_PLUGINS differs"),
        (command, {**env, "BUILDKITE_SECRETS_CONFIG": '[{"key":"K"}]'}, step, "the secrets of the job differ"),
        (command, env, {**step, "secrets": ["K"]}, "the signature does not cover secrets"),
        (command, env, {**step, "env": {}}, "the signature does not belong to this content"),
        (command, env, {**step, "signature": {}}, "the signature covers no fields"),
        (command, env, {**step, "signature": {**step["signature"], "value": value.replace("..", "..A", 1)}}, ""),
        (command, env, {**step, "signature": {**step["signature"], "value": "x\n" * 5_000_000}}, "more than 16384"),
        (command, env, {**step, "signature": {**step["signature"], "signed_fields": [*covered, long_name]}}, "N\\n"),
    ]
    jobs = [(plane.add_job(*change[:3]), change[3]) for change in changes]
    unsigned = plane.add_job(command, env, {"command": command})
    agent = start("--verification-jwks-file", keys, "--hooks-path", str(hooks))
    for job, problem in jobs:
        assert job.wait_finished(), agent.said
        assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "signature_rejected"), job.text
        assert job.text.startswith(REFUSED + "invalid signature: ") and problem in job.text, job.text
        assert job.text.splitlines()[-1].startswith("signature: ") and len(job.text.splitlines()) == 3
        assert len(job.text) < 5000
    assert unsigned.wait_finished() and unsigned.finish["signal_reason"] == "signature_rejected"
    assert unsigned.text == REFUSED + "job had no signature to verify\nno signature in job\n"
    assert not ran.exists()
    assert agent.said.count("is refused: ") == len(jobs) + 1 and max(map(len, agent.said.split("\n"))) < 1000


def test_variables_that_were_not_signed_are_kept_out_by_the_list_of_names(plane, start, tmp_path, keys):
    """As the page about signed pipelines has it: bash takes a function from such a variable."""
    step = signed("{env: {P: q}, steps: [{command: echo ran}]}")
    added = plane.add_job("echo ran", {"P": "q", "BASH_FUNC_echo%%": f"() {{ touch {tmp_path / 'ran'}; }}"}, step)
    as_signed = plane.add_job("echo ran", {"P": "q"}, step)
    names = ("--enable-environment-variable-allowlist", "--allowed-environment-variables", "^(CI|P)$")
    agent = start("--verification-jwks-file", keys, *names)
    assert added.wait_finished() and added.finish["signal_reason"] == "agent_refused", agent.said
    assert "BASH_FUNC_echo%%" in added.text and not (tmp_path / "ran").exists()
    assert as_signed.wait_finished() and as_signed.finish["exit_status"] == "0", as_signed.text


def test_with_warn_they_run_and_the_log_says_so(plane, start, keys):
    unsigned = plane.add_job("echo ran")
    changed = plane.add_job("echo ran", step=signed("steps: [{command: other}]"))
    agent = start("--verification-jwks-file", keys, "--verification-failure-behavior", "warn")
    for job, lines in (
        (unsigned, "job had no signature to verify\nno signature in job\n"),
        (changed, f"invalid signature: the job does not match .*\nsignature: {changed.step['signature']['value']}\n"),
    ):
        assert job.wait_finished(), agent.said
        shown = job.text.splitlines(keepends=True)
        assert shown[0] + "error: " == WARNED and shown[3] == "Job will be run without verification\n"
        assert shown[2] == lines.splitlines(keepends=True)[1] and job.finish["exit_status"] == "0"
        assert "\nran\n" in job.text and f"job {job.id} runs unverified: " in agent.said


@pytest.mark.parametrize(
    "text, words",
    [
        (None, "Is a directory"),
        ("", "has no valid key set: the text is not JSON"),
        ('{"keys": []}', "has no keys"),
        (json.dumps({**KEY.public.document(), "alg": ""}), "keys[0]: alg is missing"),
        ('{"keys": [{"kty": "EC", "crv": "P-1"}]}', "has no valid key set: keys[0]: unsupported crv"),
        ('{"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS1"}]}', "has no valid key set: keys[0]: unsupported alg"),
    ],
    ids=["folder", "empty", "no key", "no alg", "unknown curve", "unknown alg"],
)
def test_a_file_that_has_no_keys_keeps_the_agent_from_starting(plane, start, tmp_path, text, words):
    path = tmp_path / "keys"
    path.mkdir() if text is None else path.write_text(text)
    for option in ("verification-jwks-file", "signing-jwks-file"):
        agent = start(f"--{option}", str(path))
        assert agent.wait() == 1 and words in agent.said and not plane.requests
        assert f"{option} (from the flag" in agent.said and "Traceback" not in agent.said


@pytest.mark.parametrize(
    "document, words, warning",
    [
        (KEY.public.document(), (), "is a public one, and signing needs the private one"),
        (KEY.document(), ("--signing-jwks-key-id", "zz"), 'signing key ID "zz" could not be found in JWKS'),
        ({**KEY.document(), "kid": ""}, (), "has no kid, without which agents verify none of its signatures"),
    ],
    ids=["public", "other id", "no id"],
)
def test_a_key_by_which_no_job_can_sign_is_warned_of(plane, start, tmp_path, document, words, warning):
    """The agent runs, as the reference does: jobs that upload nothing need no key."""
    path = tmp_path / "signing.json"
    path.write_text(json.dumps(document))
    job = plane.add_job("echo ran")
    agent = start("--disconnect-after-job", "--signing-jwks-file", str(path), *words)
    assert agent.wait() == 0 and job.finish["exit_status"] == "0"
    assert agent.said.count("signing-jwks-file (from the flag --signing-jwks-file): ") == 1 and warning in agent.said


def test_a_key_of_a_cloud_that_cannot_be_had_keeps_the_agent_from_starting(plane, start):
    """It would verify jobs as well, and an agent without it would run what has no signature."""
    agent = start("--signing-gcp-kms-key", "alias/k")
    assert agent.wait() == 1 and not plane.requests
    assert "signing-gcp-kms-key (from the flag --signing-gcp-kms-key): " in agent.said, agent.said


def test_a_private_key_verifies_and_is_warned_of(plane, start, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps(key_set.document([KEY])))
    job = plane.add_job("echo ran", step=signed("steps: [{command: echo ran}]"))
    agent = start("--disconnect-after-job", "--verification-jwks-file", str(tmp_path / "keys.json"))
    assert agent.wait() == 0 and job.text.startswith(VERIFIED)
    assert "has a private key; verification needs the public ones alone" in agent.said
    assert KEY.document()["d"] not in agent.said


def test_what_is_verified_is_shown_when_asked(plane, start, keys):
    job = plane.add_job("echo ran", step=signed("steps: [{command: echo ran}]"))
    agent = start("--disconnect-after-job", "--verification-jwks-file", keys, "--debug", "--debug-signing")
    assert agent.wait() == 0 and job.finish["exit_status"] == "0"
    assert f"Public Key Thumbprint (sha256): {KEY.thumbprint}" in agent.said
    assert 'Signed Step: {"alg":"EdDSA","values":{"command":"echo ran",' in agent.said
