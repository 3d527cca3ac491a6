"""What must not be seen never reaches the file of the log."""

import json
from urllib.parse import parse_qs

import pytest

from tests.fakes.scripted_server import Answer, Request, ScriptedServer
from tests.job.conftest import JobSandbox

_SECRET = "correct-horse-battery"


def test_values_of_secret_variables_are_redacted_in_output_and_in_our_own_lines(sandbox: JobSandbox) -> None:
    sandbox.hook("pre-command", 'echo "hook $DEPLOY_PASSWORD"')
    sandbox.env["DEPLOY_PASSWORD"] = _SECRET
    ended = sandbox.run(f"echo {_SECRET}; printf 'correct-horse'; sleep 0.1; printf -- '-battery\\n'")
    assert _SECRET.encode() not in ended.raw
    assert ended.has("hook [REDACTED]")
    assert ended.has("$ echo [REDACTED]; printf 'correct-horse'; sleep 0.1; printf -- '-battery\\n'")
    assert ended.lines.count("[REDACTED]") == 2


def test_a_secret_that_a_hook_brings_is_redacted_from_then_on(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", f"export NEW_TOKEN={_SECRET[::-1]}")
    ended = sandbox.run("echo $NEW_TOKEN")
    assert _SECRET[::-1].encode() not in ended.raw
    assert ended.has("[REDACTED]")


def test_a_secret_that_the_job_names_is_redacted_at_once(sandbox: JobSandbox) -> None:
    ended = sandbox.run(f"echo {_SECRET} | tr a-z b-za >secret; buildkite-agent redactor add secret; cat secret")
    shown = _SECRET.translate(str.maketrans("abcdefghijklmnopqrstuvwxyz", "bcdefghijklmnopqrstuvwxyza"))
    assert ended.status == 0, ended.lines
    assert shown.encode() not in ended.raw
    assert ended.has("[REDACTED]")


def test_the_tokens_of_the_job_are_redacted(sandbox: JobSandbox) -> None:
    ended = sandbox.run("echo $BUILDKITE_AGENT_JOB_API_TOKEN", {"BUILDKITE_AGENT_ACCESS_TOKEN": "access-token-1"})
    assert ended.has("[REDACTED]")


def test_short_values_are_named_and_left(sandbox: JobSandbox) -> None:
    ended = sandbox.run("echo abc", {"B_SECRET": "abc", "A_PASSWORD": "x"})
    assert ended.has("abc")
    assert any("will not be redacted: A_PASSWORD, B_SECRET. You can disable" in line for line in ended.lines)


def test_other_patterns_can_be_given(sandbox: JobSandbox) -> None:
    ended = sandbox.run("echo $MY_OTHER", {"MY_OTHER": _SECRET, "BUILDKITE_REDACTED_VARS": "*_OTHER"})
    assert _SECRET.encode() not in ended.raw


def _config(*wanted: "tuple[str, str]") -> "dict[str, str]":
    return {
        "BUILDKITE_SECRETS_CONFIG": json.dumps([{"key": key, "environment_variable": name} for key, name in wanted])
    }


def _values(request: Request) -> Answer:
    key = parse_qs(request.query)["key"][0]
    if key not in _STORED:
        return Answer(404, {"message": "Not Found: secret not found"})
    return Answer(200, {"key": key, "value": _STORED[key], "uuid": "u"})


_STORED = {"one": "value-of-one", "two": "line a\nline b", "short": "abc"}


def test_secrets_of_a_step_are_there_before_its_hooks_and_redacted_whatever_their_length(sandbox: JobSandbox) -> None:
    sandbox.hook("environment", 'echo "hook sees $ONE and $SHORT"', 'test "$ONE" = value-of-one')
    config = _config(("one", "ONE"), ("two", "TWO"), ("short", "SHORT"), ("one", ""))
    with ScriptedServer({"GET /v3/jobs/job-1/secrets": _values}) as server:
        ended = sandbox.run('test -n "$TWO"; echo "[$SHORT]"; echo "$TWO"', config, endpoint=server.url + "/v3")
        asked = sorted(parse_qs(request.query)["key"][0] for request in server.seen)
    assert ended.status == 0, ended.lines
    assert asked == ["one", "short", "two"]
    assert ended.has("~~~ Preparing secrets")
    assert ended.has("# Secret one added as environment variable ONE")
    assert ended.has("hook sees [REDACTED] and [REDACTED]")
    assert b"value-of-one" not in ended.raw
    assert b"abc" not in ended.raw
    assert b"line a" not in ended.raw


def test_a_job_does_not_run_without_a_secret_that_it_asks_for(sandbox: JobSandbox) -> None:
    with ScriptedServer({"GET /v3/jobs/job-1/secrets": _values}) as server:
        ended = sandbox.run("echo ran", _config(("one", "ONE"), ("none", "NONE")), endpoint=server.url + "/v3")
    assert ended.status == -1
    assert not ended.has("ran")
    assert ended.has("🚨 Error: Error setting up job executor: failed to fetch secrets for job: ")
    assert any(line.startswith('   secret "none": ') and "404" in line for line in ended.lines)


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        ("BUILDKITE_SHELL", "none", 'secret "one" cannot set protected environment variable "BUILDKITE_SHELL"'),
        ("BUILDKITE_REPO", "none", 'secret "one" cannot set protected environment variable "BUILDKITE_REPO"'),
        ("BUILDKITE_GIT_CLEAN_FLAGS", "from-job", "checkout-locked environment variable"),
        ("BUILDKITE_GIT_CLEAN_FLAGS", "none", ""),
        ("NAMED_ONE", "none", 'secret "one" cannot set protected environment variable "NAMED_ONE"'),
        ("GIT_SSH_COMMAND", "none", 'secret "one" cannot set protected environment variable "GIT_SSH_COMMAND"'),
    ],
)
def test_secrets_may_not_set_what_is_protected(sandbox: JobSandbox, name: str, mode: str, said: str) -> None:
    env = {
        **_config(("one", name)), "BUILDKITE_CHECKOUT_OVERRIDE_MODE": mode,
        "BUILDKITE_PROTECTED_ENVIRONMENT_VARIABLES": "NAMED_*",
        "BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES": "true",
    }  # fmt: skip
    with ScriptedServer({"GET /v3/jobs/job-1/secrets": _values}) as server:
        ended = sandbox.run("echo ran", env, endpoint=server.url + "/v3")
    assert ended.has("ran") == (not said)
    assert any(said in line for line in ended.lines)


@pytest.mark.parametrize("text", ["{broken", '{"key": "one"}', '[{"environment_variable": "A"}]', "[1]"])
def test_a_configuration_of_secrets_that_cannot_be_read_ends_the_job(sandbox: JobSandbox, text: str) -> None:
    ended = sandbox.run("echo ran", {"BUILDKITE_SECRETS_CONFIG": text})
    assert ended.status == -1
    assert any("BUILDKITE_SECRETS_CONFIG" in line for line in ended.lines)
