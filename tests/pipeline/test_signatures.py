"""Signatures of steps: those that were recorded, and what a job may not change of a signed step."""

import json
import random

import pytest

from bkagent.config.compat import Compat
from bkagent.errors import AgentError
from bkagent.jose import jwk, jws, key_set
from bkagent.jose.errors import InvalidSignature
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import matrix_values, payload
from bkagent.pipeline.signature.sign import add_pipeline_secrets, sign
from bkagent.pipeline.signature.verify import verify_job, verify_step
from tests.fakes import vectors

SHARED = vectors.about("signatures")
KEY, SYMMETRIC = jwk.parse(SHARED["eddsa_private"]), jwk.parse(SHARED["hs256_key"])
PUBLIC = (KEY.public,)


def signatures(steps):
    for step in steps:
        if step.get("signature"):
            yield step["signature"]
        yield from signatures(step.get("steps", ()))


def signed(text, key=KEY, repository="r", version="3"):
    """Return a pipeline in its wire form, signed, and the texts that were signed."""
    from bkagent.pipeline.document import normalise

    shown = []
    typed = read_pipeline(text, "p.yml", {}).typed
    sign(typed, key, repository, shown.append, Compat(version))
    return normalise.to_wire(typed), shown


@pytest.mark.parametrize("case", vectors.of("signatures", "sign"))
def test_pipelines_are_signed_as_by_the_reference(case):
    if "error" in case:
        with pytest.raises(AgentError, match="step of unknown type"):
            signed(case["yaml"], repository=case["repository"])
        return
    pipeline, shown = signed(case["yaml"], repository=case["repository"])
    assert shown == case["payloads"]
    steps = [step for step in pipeline["steps"] if isinstance(step, dict)]
    assert list(signatures(steps)) == case["signatures"]
    if "hs256" in case:
        pipeline, _ = signed(case["yaml"], SYMMETRIC, case["repository"])
        steps = [step for step in pipeline["steps"] if isinstance(step, dict)]
        assert [signature["value"] for signature in signatures(steps)] == case["hs256"]


@pytest.mark.parametrize("case", vectors.of("signatures", "verify"))
def test_steps_are_verified_as_by_the_reference(case):
    keys = key_set.parse(json.dumps(case["jwks"]).encode())
    try:
        verify_step(read_command(case["step"]), case["job_env"], case["repository"], keys)
        holds = True
    except InvalidSignature:
        holds = False
    assert holds == case["valid"]


TEXT = """
env: {P: q, S: hidden}
steps:
- command: make {{matrix.os}}
  env: {S: step, OS: "on {{matrix.os}}"}
  plugins: [{"docker#v5": {image: "{{matrix.os}}", "n": 1.0}}]
  secrets: [TOKEN]
  matrix: {setup: {os: [linux, mac]}, adjustments: [{with: {os: bsd}}, {with: {os: mac}, skip: true}]}
"""
STEP = signed(TEXT)[0]["steps"][0]
PLUGINS = [{"github.com/buildkite-plugins/docker-buildkite-plugin#v5": {"n": 1, "image": "linux"}}]
JOB = {
    "BUILDKITE_COMMAND": "make linux", "BUILDKITE_REPO": "r", "BUILDKITE_PLUGINS": json.dumps(PLUGINS), "S": "step",
    "OS": "on linux", "P": "q", "BUILDKITE_BRANCH": "main",
}  # fmt: skip


def verify(step=STEP, permutation=None, **env):
    verify_job(step, {**JOB, **env}, permutation or {"os": "linux"}, PUBLIC)


def test_a_job_that_is_the_one_that_was_signed():
    verify()
    bsd = json.dumps(PLUGINS).replace("linux", "bsd")
    verify(permutation={"os": "bsd"}, BUILDKITE_COMMAND="make bsd", OS="on bsd", BUILDKITE_PLUGINS=bsd)


@pytest.mark.parametrize(
    "env, named",
    [
        ({"BUILDKITE_COMMAND": "make linux "}, "BUILDKITE_COMMAND differs"),
        ({"BUILDKITE_COMMAND": ""}, "BUILDKITE_COMMAND differs"),
        ({"S": "hidden"}, "the variable S differs"),
        ({"OS": "on {{matrix.os}}"}, "the variable OS differs"),
        ({"P": "other"}, "does not belong"),
        ({"BUILDKITE_REPO": "R"}, "does not belong"),
        ({"BUILDKITE_PLUGINS": ""}, "BUILDKITE_PLUGINS differs"),
        ({"BUILDKITE_PLUGINS": JOB["BUILDKITE_PLUGINS"].replace("#v5", "#v6")}, "BUILDKITE_PLUGINS differs"),
        ({"BUILDKITE_PLUGINS": JOB["BUILDKITE_PLUGINS"].replace('"n": 1', '"n": 2')}, "BUILDKITE_PLUGINS differs"),
        ({"BUILDKITE_PLUGINS": JOB["BUILDKITE_PLUGINS"].replace('"n": 1', '"n": true')}, "BUILDKITE_PLUGINS differs"),
        ({"BUILDKITE_PLUGINS": "[" + JOB["BUILDKITE_PLUGINS"]}, "BUILDKITE_PLUGINS is not JSON"),
        ({"BUILDKITE_PLUGINS": '[{"x": 1, "x": 1}]'}, "BUILDKITE_PLUGINS is not JSON"),
        ({"BUILDKITE_SECRETS_CONFIG": '[{"key":"OTHER"}]'}, "the secrets of the job differ"),
    ],
)
def test_a_job_that_differs_from_its_step_by_its_variables(env, named):
    with pytest.raises(InvalidSignature, match=named) as refused:
        verify(**env)
    assert not any(text in str(refused.value) for text in env.values() if len(text) > 1)


def mutated(text, seeded):
    """Return a text with one character replaced, taken away or added."""
    at, letter = seeded.randrange(len(text)), chr(seeded.choice([*range(32, 127), 0xE9, 0x2028]))
    return text[:at] + seeded.choice((letter + text[at + 1 :], text[at + 1 :], letter + text[at:]))


def test_a_job_of_which_any_character_was_changed():
    """Only blanks between the values of the list of plugins change nothing."""
    names = [name for name in JOB if name != "BUILDKITE_BRANCH"]  # which is not signed
    job = [signed(TEXT, SYMMETRIC)[0]["steps"][0], {name: JOB[name] for name in names}, {"os": "linux"}]
    verify_job(*job, [SYMMETRIC])
    text, changed_count = json.dumps(job), 0
    for seed in range(2000):
        try:
            step, env, permutation = changed = json.loads(mutated(text, random.Random(seed)))
            if changed == job or not all(isinstance(value, str) for value in [*env.values(), *permutation.values()]):
                continue
        except (ValueError, TypeError, AttributeError):
            continue  # no answer of a control plane
        changed_count += 1
        try:
            verify_job(step, env, permutation, [SYMMETRIC])
        except InvalidSignature:
            continue
        env["BUILDKITE_PLUGINS"] = json.dumps(json.loads(env["BUILDKITE_PLUGINS"]))
        assert changed == job, seed
    assert changed_count > 600


def test_each_digit_of_a_number_is_compared():
    """The text that is signed has numbers as doubles, in which these are one; a hook gets the digits."""
    step = signed("steps: [{command: x, plugins: [{'a/b#v1': {account: 9007199254740993}}]}]")[0]["steps"][0]
    job = {"BUILDKITE_COMMAND": "x", "BUILDKITE_REPO": "r", "BUILDKITE_PLUGINS": json.dumps(step["plugins"])}
    verify_job(step, job, {}, PUBLIC)
    other = job["BUILDKITE_PLUGINS"].replace("993", "992")
    with pytest.raises(InvalidSignature, match="BUILDKITE_PLUGINS differs"):
        verify_job(step, {**job, "BUILDKITE_PLUGINS": other}, {}, PUBLIC)


def test_a_job_without_a_variable_that_was_signed():
    for name in ("S", "P", "BUILDKITE_REPO"):
        with pytest.raises(InvalidSignature):
            verify_job(STEP, {other: text for other, text in JOB.items() if other != name}, {"os": "linux"}, PUBLIC)


@pytest.mark.parametrize(
    "fields, named",
    [
        ({"command": "make {{matrix.os}} "}, "does not belong"),
        ({"command": None, "commands": "make {{matrix.os}}"}, ""),
        ({"env": {"S": "step"}}, "does not belong"),
        ({"env": {**STEP["env"], "LD_PRELOAD": "x"}}, "does not belong"),
        ({"plugins": [*STEP["plugins"], "other#v1"]}, "does not belong"),
        ({"matrix": {"setup": {"os": ["linux", "mac", "x"]}}}, "does not belong"),
        ({"secrets": [{"key": "OTHER", "environment_variable": "TOKEN"}]}, "does not belong"),
        ({"secrets": []}, "does not belong"),
        ({"checkout": {"skip": True}}, "does not cover checkout"),
        ({"signature": {}}, "covers no fields"),
        ({"signature": {**STEP["signature"], "signed_fields": "x"}}, "does not cover"),
        ({"signature": {**STEP["signature"], "signed_fields": [*STEP["signature"]["signed_fields"], "agents"]}},
         "covers agents, which this agent does not know"),
        ({"signature": {**STEP["signature"], "value": "x" * 1_000_000}}, "more than 16384"),
        ({"signature": []}, "signature"),
        ({"plugins": 5}, "plugins"),
    ],
)  # fmt: skip
def test_a_step_that_was_changed(fields, named):
    step = {name: field for name, field in {**STEP, **fields}.items() if field is not None}
    if not named:
        verify(step)  # another spelling of the same
        return
    with pytest.raises(InvalidSignature, match=named):
        verify(step)


@pytest.mark.parametrize("permutation", [{}, {"os": "mac"}, {"os": "win"}, {"os": "linux", "x": "y"}, {"x": "linux"}])
def test_values_that_the_matrix_does_not_have(permutation):
    with pytest.raises(PipelineError, match="not among those of the step"):
        matrix_values.filled(read_command(STEP), permutation)


def test_an_unknown_token_of_a_matrix():
    with pytest.raises(PipelineError, match=r"unknown matrix token in the step: \{\{ matrix.a.b \}\}"):
        matrix_values.filled(read_command({"command": "{{ matrix.a.b }} {{matrix}}", "matrix": ["x"]}), {"": "x"})


def test_the_secrets_of_a_pipeline_go_to_steps_outside_groups():
    text = "secrets: [A, B]\nsteps: [{command: x, secrets: {B: own}}, {group: g, steps: [{command: y}]}, {command: z}]"

    def pairs(step):
        return [(secret["environment_variable"], secret["key"]) for secret in step.typed.get("secrets", ())]

    for in_groups in (False, True):
        typed = read_pipeline(text, "p.yml", {}).typed
        add_pipeline_secrets(typed, in_groups=in_groups)
        first, group, last = typed.steps
        assert [pairs(step) for step in (first, last)] == [[("B", "own"), ("A", "A")], [("A", "A"), ("B", "B")]]
        assert pairs(group.typed["steps"][0]) == ([("A", "A"), ("B", "B")] if in_groups else [])


def test_a_step_of_many_levels_is_refused_in_one_line():
    nested = "x"
    for _ in range(900):
        nested = [nested]
    with pytest.raises(InvalidSignature):
        verify({**STEP, "plugins": [{"docker#v5": nested}]})


PATHS_TEXT = "steps: [{command: c, artifact_paths: %s, matrix: [a, b]}]"


def job_with(paths, **env):
    return {"BUILDKITE_COMMAND": "c", "BUILDKITE_REPO": "r", "BUILDKITE_ARTIFACT_PATHS": paths, **env}


@pytest.mark.parametrize("version", ["3", "4"])
def test_artifact_paths_are_signed_as_version_4_does(version):
    pipeline, (shown,) = signed(PATHS_TEXT % "[x, 'y;{{matrix}}']", version=version)
    assert ('"artifact_paths":["x","y;{{matrix}}"]' in shown) == (version == "4")
    step = pipeline["steps"][0]
    assert ("artifact_paths" in step["signature"]["signed_fields"]) == (version == "4")
    verify_job(step, job_with("x;y;a"), {"": "a"}, PUBLIC)
    changed = ((step, job_with("x;y;b")), (step, job_with("")), ({**step, "artifact_paths": ["x"]}, job_with("x")))
    for other, env in changed:
        if version == "3":
            verify_job(other, env, {"": "a"}, PUBLIC)
            continue
        with pytest.raises(InvalidSignature, match="BUILDKITE_ARTIFACT_PATHS differs|does not belong"):
            verify_job(other, env, {"": "a"}, PUBLIC)


@pytest.mark.parametrize("version", ["3", "4"])
@pytest.mark.parametrize("paths", ["[]", "''", "[' ', ';']", "null"])
def test_a_step_without_artifact_paths_is_signed_as_by_version_3(version, paths):
    pipeline, (shown,) = signed(PATHS_TEXT % paths, version=version)
    assert "artifact_paths" not in shown + json.dumps(pipeline["steps"][0]["signature"])


@pytest.mark.parametrize(
    "form", [["x;y", "z"], "x;y;z", ["x", "y", "z"], "x; y;z"], ids=["list", "text", "patterns", "as written"]
)
def test_any_form_of_the_same_artifact_paths_is_verified(form):
    """It is not published which form version 4 signs."""
    step = {"command": "c", "artifact_paths": "x; y;z" if form == "x; y;z" else ["x;y", "z"]}
    values = {**payload.step_values(read_command(step), "r"), "artifact_paths": form}
    value = jws.sign(payload.text("EdDSA", values), KEY)
    step["signature"] = {"algorithm": "EdDSA", "signed_fields": sorted(values), "value": value}
    verify_job(step, job_with("x;y;z"), {}, PUBLIC)
    for paths in ("x;y", "x;y;z;w", "x,y;z", ""):
        with pytest.raises(InvalidSignature, match="BUILDKITE_ARTIFACT_PATHS differs"):
            verify_job(step, job_with(paths), {}, PUBLIC)
    with pytest.raises(InvalidSignature, match="does not belong"):
        verify_job({**step, "artifact_paths": ["x;y", "z", "w"]}, job_with("x;y;z;w"), {}, PUBLIC)
    with pytest.raises(InvalidSignature, match="artifact_paths must be a string"):
        verify_job({**step, "artifact_paths": {"x": "y"}}, job_with("x"), {}, PUBLIC)
