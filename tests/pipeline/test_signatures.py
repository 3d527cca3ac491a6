"""Signatures of steps: those that were recorded, and what a job may not change of a signed step."""

import json

import pytest

from bkagent.errors import AgentError
from bkagent.jose import jwk, key_set
from bkagent.jose.errors import InvalidSignature
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.errors import PipelineError
from bkagent.pipeline.signature import matrix_values
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


def signed(text, key=KEY, repository="r"):
    """Return a pipeline in its wire form, signed, and the texts that were signed."""
    from bkagent.pipeline.document import normalise

    shown = []
    typed = read_pipeline(text, "p.yml", {}).typed
    sign(typed, key, repository, shown.append)
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
        ({"BUILDKITE_PLUGINS": "[" + JOB["BUILDKITE_PLUGINS"]}, "BUILDKITE_PLUGINS is not JSON"),
        ({"BUILDKITE_PLUGINS": '[{"x": 1, "x": 1}]'}, "BUILDKITE_PLUGINS is not JSON"),
        ({"BUILDKITE_SECRETS_CONFIG": '[{"key":"OTHER"}]'}, "the secrets of the job differ"),
    ],
)
def test_a_job_that_differs_from_its_step_by_its_variables(env, named):
    with pytest.raises(InvalidSignature, match=named) as refused:
        verify(**env)
    assert not any(text in str(refused.value) for text in env.values() if len(text) > 1)


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
        ({"signature": {**STEP["signature"], "value": "x" * 10_000_000}}, "more than 16384"),
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
    typed = read_pipeline(text, "p.yml", {}).typed
    add_pipeline_secrets(typed)
    pairs = [
        [(one["environment_variable"], one["key"]) for one in step.typed.get("secrets", ())] for step in typed.steps
    ]
    assert pairs == [[("B", "own"), ("A", "A")], [], [("A", "A"), ("B", "B")]]


def test_a_step_of_many_levels_is_refused_in_one_line():
    nested = "x"
    for _ in range(900):
        nested = [nested]
    with pytest.raises(InvalidSignature):
        verify({**STEP, "plugins": [{"docker#v5": nested}]})
