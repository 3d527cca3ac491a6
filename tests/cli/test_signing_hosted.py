"""`tool sign --graphql-token`: the steps of a hosted pipeline are fetched, signed, shown, and replaced when asked."""

import json
import subprocess

import pytest

from bkagent.config.launching import self_command
from bkagent.jose import algorithms, key_set
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.signature.verify import verify_step
from bkagent.yaml.load import load
from tests.fakes import reference
from tests.fakes.scripted_server import Answer, ScriptedServer

KEY = Jwk(algorithms.generate("EdDSA"), "EdDSA", "llama")
STEPS = """
secrets: [S]
env: {P: q}
steps:
- {command: echo a, secrets: {T: k}, artifact_paths: y}
- wait
- {group: g, steps: [{command: echo b, soft_fail: true}]}
"""
PIPELINE = {"id": "UGlwZWxpbmU=", "repository": {"url": "git@example.com:acme/app.git"}, "steps": {"yaml": STEPS}}
TOKEN = "a-token-of-graphql"
WORDS = (
    "tool",
    "sign",
    "--organization-slug",
    "acme",
    "--pipeline-slug",
    "app",
    "--jwks-file",
    "key.json",
    "--no-color",
)


class Service:
    """A GraphQL API with one pipeline. `get` and `update` are its answers."""

    def __init__(self):
        self.get = Answer(200, {"data": {"pipeline": PIPELINE}})
        self.update = Answer(200, {"data": {"pipelineUpdate": {"clientMutationId": None}}})
        self.server = ScriptedServer({"POST /v1": self._answer})
        self.url = f"{self.server.url}/v1"

    def _answer(self, request):
        return self.get if request.document["operationName"] == "GetPipeline" else self.update

    @property
    def operations(self):
        """Name and variables of each request."""
        return [(request.document["operationName"], request.document["variables"]) for request in self.server.seen]


@pytest.fixture
def service():
    service = Service()
    with service.server:
        yield service


@pytest.fixture
def sign(tmp_path, service):
    """Return a function that runs the command; the program may be another one."""
    (tmp_path / "key.json").write_text(json.dumps(key_set.document([KEY])))

    def run(*words, answer="", expect=0, program=(), **env):
        whole = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BUILDKITE_GRAPHQL_TOKEN": TOKEN, **env}
        command = [*program, *WORDS] if program else self_command.command(WORDS)
        done = subprocess.run(
            [*command, "--graphql-endpoint", service.url, *words],
            env=whole, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, input=answer,
        )  # fmt: skip
        assert done.returncode == expect and "Traceback" not in done.stderr, done
        assert TOKEN not in done.stdout + done.stderr
        return done

    return run


def test_the_steps_of_a_pipeline_are_signed_for_its_repository(service, sign):
    signed = load(sign().stdout)
    first, _, group = signed["steps"]
    for step in (first, group["steps"][0]):
        verify_step(read_command(step), {"P": "q"}, PIPELINE["repository"]["url"], [KEY.public])
    assert service.operations == [("GetPipeline", {"orgPipelineSlug": "acme/app"})]
    (request,) = service.server.seen
    headers = {name.lower(): text for name, text in request.headers.items()}
    assert headers["authorization"] == f"Bearer {TOKEN}" and headers["content-type"] == "application/json"


@pytest.mark.parametrize("answer", ["y\n", "YES\n", ""], ids=["y", "YES", "no question"])
def test_an_update_puts_the_signed_steps_in_the_place_of_the_others(service, sign, answer):
    printed = sign().stdout
    done = sign("--update", *([] if answer else ["--no-confirm"]), answer=answer)
    assert service.operations[-1] == ("UpdatePipeline", {"id": PIPELINE["id"], "yaml": printed.strip()})
    assert done.stderr.count("signed_fields:") == 2 and "updated" in done.stderr
    assert ("[y/N]" in done.stdout) == bool(answer)


@pytest.mark.parametrize(
    ("answer", "status"), [("n\n", 0), ("maybe\n", 0), ("\n", 1), ("", 1), ("y y\n", 1)],
    ids=["n", "another word", "an empty line", "the end", "two words"],
)  # fmt: skip
def test_nothing_is_changed_without_a_clear_answer(service, sign, answer, status):
    done = sign("--update", answer=answer, expect=status)
    assert [name for name, _ in service.operations] == ["GetPipeline"]
    assert "not changed" in done.stderr


def with_steps(steps):
    return {"data": {"pipeline": {**PIPELINE, "steps": steps}}}


@pytest.mark.parametrize(
    ("status", "document", "problem"),
    [
        (200, {"data": None, "errors": [{"message": "No\nentry"}, 5]}, "cannot retrieve the pipeline acme/app: POST "),
        (200, {"data": None, "errors": [{"message": "No\nentry"}, {"path": []}]}, "No\\nentry"),
        (200, {"errors": {"odd": 1}}, "no more than that there was an error"),
        (401, {"errors": [{"message": "Authentication required"}]}, "401 Unauthorized: Authentication required"),
        (502, "<html>", "502 Bad Gateway"),
        (200, {"data": {"pipeline": None}}, "pipeline not found: acme/app"),
        (200, {"data": {}}, "pipeline not found: acme/app"),
        (200, {"data": {"pipeline": []}}, "expected a JSON object"),
        (200, {"data": {"pipeline": {"id": 5}}}, "id must be a string"),
        (200, with_steps({"yaml": "steps: ["}), 'pipeline parsing of "acme/app" failed: line 1'),
        (200, with_steps({"yaml": "steps: [{command: $A}]"}), "would change what is signed: $A"),
        (200, with_steps(None), "the document is empty"),
        (200, [], "expected a JSON object"),
        (200, {}, "the answer has no data"),
    ],
    ids=lambda case: str(case)[:40],
)
def test_an_answer_that_cannot_be_used_is_one_line(service, sign, status, document, problem):
    service.get = Answer(status, document)
    done = sign("--update", "--no-confirm", expect=1)
    fatal = [line for line in done.stderr.splitlines() if "fatal" in line]
    assert len(fatal) == 1 and problem in fatal[0] and done.stdout == "", done.stderr
    assert [name for name, _ in service.operations] == ["GetPipeline"]


def test_a_refused_update_is_one_line(service, sign):
    service.update = Answer(200, {"errors": [{"message": "not allowed"}]})
    done = sign("--update", "--no-confirm", expect=1)
    assert "cannot update the pipeline acme/app: POST " in done.stderr and "not allowed" in done.stderr


def test_what_is_missing_is_named(service, sign):
    for slug in ("organization-slug", "pipeline-slug"):
        assert f"--{slug} names which pipeline" in sign(f"--{slug}", "", expect=1).stderr
    assert (
        "--update needs --graphql-token" in sign("--update", "--repo", "r", expect=1, BUILDKITE_GRAPHQL_TOKEN="").stderr
    )
    assert "no-key.json" in sign("--jwks-file", "no-key.json", expect=1).stderr
    assert "graphql-endpoint must be" in sign("--graphql-endpoint", "nonsense", expect=1).stderr
    assert service.operations == []


@reference.needs_reference
def test_the_reference_asks_for_the_same_and_signs_the_same(service, sign):
    by_us, by_them = (sign(program=program) for program in ((), (reference.PROGRAM,)))
    assert by_us.stdout == by_them.stdout
    for program in ((), (reference.PROGRAM,)):
        sign("--update", "--no-confirm", program=program)
    documents = [request.document for request in service.server.seen]
    for document in documents:
        document["query"] = "".join(document["query"].split())
    assert documents[0] == documents[1] and documents[2:4] == documents[4:6]
