"""What commands say with `--debug`, `--log-level debug` and `--debug-http`: requests, status, time and no secret."""

import re

import pytest

from tests.cli_in_job.conftest import BUILD_ID, JOB_ID, STEP_ID
from tests.fakes.scripted_server import Answer

SECRET = "hunter2-hunter2"
# The words of a command, its request, and what it says besides.
COMMANDS = {
    "meta-data set": (["k", SECRET], f"POST jobs/{JOB_ID}/data/set", ""),
    "meta-data get": (["k"], f"POST jobs/{JOB_ID}/data/get", ""),
    "meta-data exists": (["k"], f"POST jobs/{JOB_ID}/data/exists", ""),
    "meta-data keys": ([], f"POST jobs/{JOB_ID}/data/keys", ""),
    "annotate": ([f"of {SECRET}"], f"POST jobs/{JOB_ID}/annotations", "Successfully annotated build"),
    "annotation remove": (
        ["--context", SECRET], f"DELETE jobs/{JOB_ID}/annotations/%5BREDACTED%5D?scope=build",
        "Successfully removed annotation",
    ),
    "artifact search": (
        [SECRET],
        f"GET builds/{BUILD_ID}/artifacts/search?include_duplicates=true&query=%5BREDACTED%5D&state=finished",
        "",
    ),
    "artifact shasum": (
        ["a"], f"GET builds/{BUILD_ID}/artifacts/search?query=a&state=finished", 'Artifact "a" found',
    ),
    "step get": (["label"], f"POST steps/{STEP_ID}/export", ""),
    "step update": (["label", SECRET], f"PUT steps/{STEP_ID}", ""),
    "job update": (["priority", "1"], f"PUT jobs/{JOB_ID}", ""),
    "oidc request-token": (["--skip-redaction"], f"POST jobs/{JOB_ID}/oidc/tokens", ""),
    "secret get": (["--skip-redaction", "key"], f"GET jobs/{JOB_ID}/secrets?key=key", ""),
    "pause": (["--note", SECRET], "POST pause", ""),
}  # fmt: skip
ARTIFACT = {"id": "1", "path": "a", "file_size": 1, "sha1sum": "0a", "job_id": JOB_ID, "url": "http://localhost/"}


@pytest.fixture
def ready(job_cli):
    """Return a job whose control plane answers everything; its token and another secret are variables."""
    job_cli.server.routes.update({
        "GET /v3/builds/*": (200, [ARTIFACT]), f"GET /v3/builds/{BUILD_ID}/artifacts/search": (200, [ARTIFACT]),
        f"POST /v3/jobs/{JOB_ID}/data/exists": (200, {"exists": True}),
        f"POST /v3/jobs/{JOB_ID}/data/keys": (200, ["k"]),
        "*": (200, {"key": "k", "value": "v", "output": "o", "token": "oidc-token-value"}),
    })  # fmt: skip
    job_cli.environ["MY_SECRET"] = SECRET
    return job_cli


def lines_of(done):
    """Return the messages of level debug, without their time."""
    text = done.stderr.decode()
    return re.findall(r"^[\d-]{10} [\d:]{8} DEBUG  (.*(?:\n  .*)*)$", text, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_its_requests(ready, name):
    words, request, more = COMMANDS[name]
    done = ready.run(*name.split(), "--debug", *words)
    method, _, path = request.partition(" ")
    what = f"{method} {ready.server.url}/v3/{path}"
    first, *lines = lines_of(done)
    assert first == f"Loaded config command={name}"
    assert what in lines
    is_passed_on = "BUILDKITE_AGENT_JOB_API_SOCKET" in ready.environ
    via = "via=job-api " if is_passed_on else ""
    assert any(re.fullmatch(rf"↳ {re.escape(what)} {via}status=200 Δ=[\d.]+(µs|ms|s)", line) for line in lines), done
    assert more in ("", lines[-1])
    for secret in ("job-token", SECRET, "oidc-token-value"):
        assert not [line for line in lines if secret in line]


@pytest.mark.parametrize(
    "flags, env, is_shown",
    [
        ((), {}, False), (("--debug-http",), {}, False), (("--trace-http",), {}, False),
        (("--log-level", "info"), {}, False),
        (("--debug",), {}, True), (("--log-level", "debug"), {}, True), ((), {"BUILDKITE_AGENT_DEBUG": "true"}, True),
        ((), {"BUILDKITE_AGENT_LOG_LEVEL": "debug"}, True), (("--debug", "--log-level", "error"), {}, True),
    ],
)  # fmt: skip
def test_it_is_shown_where_it_is_asked_for(ready, flags, env, is_shown):
    assert bool(lines_of(ready.run("meta-data", "keys", *flags, env=env))) == is_shown


def test_experiments_that_are_on_are_named(ready):
    lines = lines_of(ready.run("meta-data", "keys", "--debug", "--experiment", "pty-raw,none"))
    assert 'Enabled experiment "pty-raw"' in lines and not [line for line in lines if '"none"' in line]


def test_headers_are_shown_without_what_may_be_secret(ready):
    ready.server.routes[f"POST /v3/jobs/{JOB_ID}/data/keys"] = Answer(
        200, ["k"], headers={"Set-Cookie": "session=cookie-value", "Retry-After": "7"}
    )
    done = ready.run("meta-data", "keys", "--debug", "--debug-http", env={
        "BUILDKITE_REQUEST_HEADER_BUILDKITE_ROUTE": "route-value",
    })  # fmt: skip
    heads = [line.lower() for line in lines_of(done) if line.startswith("headers of")]
    assert len(heads) == 2, done
    assert "authorization: [redacted]" in heads[0] and "buildkite-route: [redacted]" in heads[0]
    assert "set-cookie: [redacted]" in heads[1] and "retry-after: 7" in heads[1]
    for secret in (b"job-token", b"cookie-value", b"route-value"):
        assert secret not in done.stderr


def test_a_request_without_an_answer_says_why(outside):
    outside.server.routes["*"] = [Answer(503, {}, headers={"Retry-After": "0"}), (200, ["k"])]
    done = outside.run("meta-data", "keys", "--debug")
    ends = [line for line in lines_of(done) if line.startswith("↳")]
    assert "status=503" in ends[0] and "status=200" in ends[1]
    no_server = {"BUILDKITE_AGENT_ENDPOINT": "http://127.0.0.1:9"}
    done = outside.run("build", "cancel", "--debug", env=no_server, expect=1)
    assert 'error="' in [line for line in lines_of(done) if line.startswith("↳")][0]


def test_no_password_of_an_address_is_shown(outside):
    outside.server.routes["*"] = (404, {"message": "none"})
    endpoint = outside.environ["BUILDKITE_AGENT_ENDPOINT"].replace("://", "://somebody:pass-word@")
    done = outside.run("meta-data", "keys", "--debug", env={"BUILDKITE_AGENT_ENDPOINT": endpoint}, expect=1)
    assert "data/keys: 404" in done.stderr.decode() and lines_of(done)
    assert b"pass-word" not in done.stderr
