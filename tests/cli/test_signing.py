"""`pipeline upload --jwks-file` and `tool sign`: what is signed verifies, and what cannot be signed is one line."""

import hashlib
import json
import re
import subprocess

import pytest

from bkagent.config.launching import self_command
from bkagent.jose import algorithms, key_set
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.signature.verify import verify_step
from bkagent.yaml.load import load
from tests.fakes import reference

KEY = Jwk(algorithms.generate("EdDSA"), "EdDSA", "llama")
OTHER = Jwk(algorithms.generate("ES512"), "ES512", "alpaca")
STEPS = "env: {P: q}\nsteps: [{command: echo a, secrets: {S: k}}, wait, {group: g, steps: [{command: echo b}]}]\n"


@pytest.fixture
def cli(tmp_path):
    """Return a function that runs one command line beside key files and pipelines."""

    def run(*words, stdin=None, expect=0, **env):
        whole = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8", **env}
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run(
            self_command.command(words),
            env=whole,
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            **source,
        )
        assert done.returncode == expect and "Traceback" not in done.stderr, done
        return done

    for name, keys in (("one", [KEY]), ("two", [KEY, OTHER]), ("public", [KEY.public]), ("none", [])):
        (tmp_path / f"{name}.json").write_text(json.dumps(key_set.document(keys)))
    (tmp_path / "p.yml").write_text(STEPS)
    return run


def check(pipeline, repository, key=KEY):
    """Check that each command step is signed, and that a job with the pipeline's variables would be verified."""
    first, _, group = pipeline["steps"]
    for step in (first, group["steps"][0]):
        assert step["signature"]["algorithm"] == key.algorithm
        verify_step(read_command(step), {"P": "q"}, repository, [key.public])


UPLOAD = ("pipeline", "upload", "--dry-run", "--agent-access-token", "t")


def test_an_upload_is_signed(cli):
    done = cli(*UPLOAD, "--jwks-file", "one.json", "p.yml", BUILDKITE_REPO="https://example.com/a.git")
    check(json.loads(done.stdout), "https://example.com/a.git")
    assert KEY.document()["d"] not in done.stderr
    by_variables = cli(
        *UPLOAD, "p.yml", BUILDKITE_REPO="r", BUILDKITE_AGENT_JWKS_FILE="two.json", BUILDKITE_AGENT_JWKS_KEY_ID="alpaca"
    )
    check(json.loads(by_variables.stdout), "r", OTHER)


@pytest.mark.parametrize("version", ["3", "4"])
def test_version_4_signs_more(cli, version):
    """Artifact paths, and the secrets of the pipeline with each of its steps."""
    text = "secrets: [S]\nsteps: [{command: a, artifact_paths: x}, wait, {group: g, steps: [{command: b}]}]"
    more = {"artifact_paths", "secrets"} if version == "4" else set()
    words = ("--jwks-file", "one.json", "--compat", version)
    for done in (
        cli(*UPLOAD, *words, stdin=text, BUILDKITE_REPO="r"),
        cli(*UPLOAD, *words[:2], stdin=text, BUILDKITE_REPO="r", BKAGENT_COMPAT=version),
        cli("tool", "sign", *words, "--repo", "r", stdin=text),
    ):
        first, _, group = load(done.stdout)["steps"]
        fields = [
            set(step["signature"]["signed_fields"]) & {"artifact_paths", "secrets"}
            for step in (first, group["steps"][0])
        ]
        of_file = {"secrets"} if done.stdout.startswith("steps:") else set()
        assert fields == [more | of_file, more - {"artifact_paths"}], done.stdout


def test_what_is_signed_is_shown_when_asked(cli):
    words = (*UPLOAD, "--jwks-file", "one.json", "--debug")
    payload = '{"alg":"EdDSA","values":{"command":"echo b","env":null,"env::P":"q","matrix":null,"plugins":null,'
    payload += '"repository_url":"r"}}'
    shown = cli(*words, "--debug-signing", "p.yml", BUILDKITE_REPO="r").stderr
    assert f"Signed Step: {payload} checksum: {hashlib.sha256(payload.encode()).hexdigest()}\n" in shown
    assert shown.count(f"Public Key Thumbprint (sha256): {KEY.thumbprint}\n") == 2
    assert "echo b" not in cli(*words, "p.yml", BUILDKITE_REPO="r").stderr


@reference.needs_reference
def test_what_the_reference_shows_is_shown(cli, tmp_path):
    words = (
        "tool",
        "sign",
        "--debug",
        "--debug-signing",
        "--no-color",
        "--jwks-file",
        "one.json",
        "--repo",
        "r",
        "p.yml",
    )
    theirs = subprocess.run(
        [reference.PROGRAM, *words], cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    ).stderr  # fmt: skip

    def about_signing(text):
        return re.findall(r"DEBUG  ((?:Public Key|Signed Step).*?(?:[0-9a-f]{64}))\b", text)

    assert about_signing(cli(*words).stderr) == about_signing(theirs) != []


def test_dates_stay_dates(cli):
    """As the reference writes them; in JSON, and so in what is signed, they are texts."""
    text = "steps: [{command: a, agents: {d: 2024-01-02, t: '2024-01-02', u: 2001-2-3t4:5:6.50+02:00}}]"
    words = ("tool", "sign", "--jwks-file", "one.json", "--repo", "r")
    shown = cli(*words, stdin=text).stdout
    for line in ("d: 2024-01-02T00:00:00Z", 't: "2024-01-02"', "u: 2001-02-03T04:05:06.5+02:00"):
        assert f"      {line}\n" in shown
    again = cli(*words, stdin=shown).stdout
    assert again == shown
    document = json.loads(cli(*UPLOAD, stdin=text).stdout)
    assert document["steps"][0]["agents"]["d"] == "2024-01-02T00:00:00Z"


def test_a_file_and_standard_input_are_signed_as_yaml(cli):
    words = ("tool", "sign", "--jwks-file", "one.json", "--repo", "r")
    done = cli(*words, "p.yml")
    from_file = done.stdout
    assert 'Reading pipeline config from "p.yml"' in done.stderr
    check(load(from_file), "r")
    assert cli(*words, stdin=STEPS).stdout == from_file
    assert from_file.startswith(
        "steps:\n  - command: echo a\n    secrets:\n      - key: k\n        environment_variable: S\n"
    )
    again = cli(*words, stdin=from_file).stdout
    assert again == from_file


@pytest.mark.parametrize(
    "words, problem",
    [
        (("--jwks-file", "nowhere.json"), "cannot read nowhere.json: No such file or directory"),
        (("--jwks-file", "."), "cannot read .: Is a directory"),
        (("--jwks-file", "p.yml"), "p.yml has no valid key set: the text is not JSON"),
        (("--jwks-file", "none.json"), "none.json has no keys"),
        (("--jwks-file", "two.json"), "two.json has 2 keys; name one of them with --jwks-key-id"),
        (("--jwks-file", "two.json", "--jwks-key-id", "zz"), 'signing key ID "zz" could not be found in JWKS'),
        (("--jwks-file", "public.json"), "the key in public.json is a public one, and signing needs the private one"),
        (("--jwks-file", "es256.json"), "alg of the key in es256.json must be PS512, ES512 or EdDSA, not ES256"),
        (("--jwks-file", "no-alg.json"), "alg of the key in no-alg.json must be PS512, ES512 or EdDSA, and is missing"),
        (("--jwks-file", "enc.json"), "use or key_ops of the key in enc.json do not allow it to sign"),
    ],
)
def test_a_key_that_cannot_sign(cli, tmp_path, words, problem):
    key = Jwk(algorithms.generate("ES256"), "ES256", "k")
    (tmp_path / "es256.json").write_text(json.dumps(key_set.document([key])))
    (tmp_path / "enc.json").write_text(json.dumps({**KEY.document(), "use": "enc"}))
    (tmp_path / "no-alg.json").write_text(json.dumps({**KEY.document(), "alg": ""}))
    for command in (UPLOAD, ("tool", "sign", "--repo", "r")):
        done = cli(*command, *words, "p.yml", expect=1)
        assert problem in done.stderr and done.stdout == ""
        assert len([line for line in done.stderr.splitlines() if "INFO" not in line]) == 1


@pytest.mark.parametrize(
    "text, problem",
    [
        ("steps: [{command: 'echo $A ${B:-$C} $A'}]", "would change what is signed: $A, $C, ${B:-$C}; remove them"),
        ("steps: [{command: 'echo $$A'}]", "would change what is signed: $$; remove them"),
        ("steps: [{odd: step}]", "couldn't sign pipeline: the pipeline has a step of unknown type"),
        ("steps: [{command: x}]\n---\nsteps: []\n", "expected one document, found 2"),
        ("steps: [", "line 1"),
    ],
)
def test_a_pipeline_that_cannot_be_signed_as_it_is(cli, text, problem):
    done = cli("tool", "sign", "--jwks-file", "one.json", "--repo", "r", stdin=text, expect=1)
    assert problem in done.stderr and done.stdout == ""


def test_a_key_without_an_id_is_warned_of(cli, tmp_path):
    """Agents choose the key by the id that a signature names."""
    (tmp_path / "no-id.json").write_text(json.dumps({**KEY.document(), "kid": ""}))
    for command in (UPLOAD, ("tool", "sign", "--repo", "r")):
        done = cli(*command, "--jwks-file", "no-id.json", "p.yml")
        assert "the key in no-id.json has no kid, without which agents verify none" in done.stderr
        assert "no kid" not in cli(*command, "--jwks-file", "one.json", "p.yml").stderr


def test_what_is_missing_is_named(cli):
    assert "name its clone URL with --repo" in cli("tool", "sign", "--jwks-file", "one.json", "p.yml", expect=1).stderr
    assert "--jwks-file" in cli("tool", "sign", "--repo", "r", "p.yml", expect=1).stderr
    assert "a pipeline is needed" in cli("tool", "sign", "--repo", "r", "--jwks-file", "one.json", expect=1).stderr


def test_a_step_of_unknown_type_is_not_uploaded(cli):
    done = cli(*UPLOAD, "--jwks-file", "one.json", stdin="steps: [nonsense]", expect=1)
    assert "couldn't sign pipeline: the pipeline has a step of unknown type" in done.stderr and done.stdout == ""
