"""Commands that print what a log must not show: secrets, OIDC tokens, passwords for git."""

import threading

import pytest

from tests.cli_in_job.conftest import JOB_ID
from tests.fakes.scripted_server import Answer

SECRETS = f"GET /v3/jobs/{JOB_ID}/secrets"
TOKENS = f"POST /v3/jobs/{JOB_ID}/oidc/tokens"
PASSWORDS = f"POST /v3/jobs/{JOB_ID}/repository_access_token"
OPEN = "--skip-redaction"


def test_an_answer_that_is_no_json_is_described_and_asked_for_again(job_cli):
    job_cli.server.routes[TOKENS] = [Answer(200, body=b"<html>"), Answer(200, {"token": "t.o.k"})]
    done = job_cli.run("oidc", "request-token", OPEN)
    assert done.stdout == b"t.o.k\n" and len(job_cli.server.seen) == 2
    assert b"200 came without valid JSON" in done.stderr
    assert b"(Attempt 1/5 Retrying in 1s)" in done.stderr


@pytest.fixture
def secrets(job):
    values = {"one": "value 1", "two": "it's <2>\u2603\n", "gr%C3%BC%C3%9F": "z"}

    def answer(request):
        key = request.query[len("key=") :]
        return (200, {"key": key, "value": values[key]}) if key in values else (404, {"message": "no such secret"})

    job.server.routes[SECRETS] = answer
    return job


def test_one_secret_is_printed_as_it_is_and_kept_out_of_the_log(secrets):
    assert secrets.run("secret", "get", "two").stdout == "it's <2>\u2603\n\n".encode()
    assert secrets.state.secrets == ["it's <2>\u2603\n"]


def test_several_secrets_are_one_object_in_order(secrets):
    done = secrets.run("secret", "get", "two", "one")
    assert done.stdout == '{"one":"value 1","two":"it\'s <2>\u2603\\n"}\n'.encode()
    assert sorted(secrets.state.secrets) == ["it's <2>\u2603\n", "value 1"]
    assert secrets.run("secret", "get", "one", "one", OPEN).stdout == b'{"one":"value 1"}\n'
    assert secrets.run("secret", "get", "one", "--format", "json", OPEN).stdout == b'{"one":"value 1"}\n'


def test_secrets_as_lines_for_a_shell(secrets):
    done = secrets.run("secret", "get", "two", "one", "gr\u00fc\u00df", "--format=env")
    assert done.stdout == "GR\u00dc\u00df='z'\nONE='value 1'\nTWO='it'\\''s <2>\u2603\n'\n".encode()


def test_every_secret_that_cannot_be_had_is_named_and_none_is_printed(secrets):
    done = secrets.run("secret", "get", "one", "three", "four", expect=1)
    assert done.stdout == b"" and secrets.state.secrets == []
    said = done.stderr.decode()
    assert "Failed to fetch some secrets:\n" in said
    assert said.index('\n - secret "three": GET ') < said.index('\n - secret "four": GET ')
    assert said.count("404 Not Found: no such secret") == 2 and len(secrets.server.seen) == 3


def test_ten_secrets_are_asked_for_at_a_time(job):
    together = threading.Barrier(10)
    job.server.routes[SECRETS] = lambda request: (together.wait(30), (200, {"value": request.query}))[1]
    keys = [f"k{number}" for number in range(20)]
    assert job.run("secret", "get", *keys, OPEN).stdout.count(b'"key=k') == 20


def test_tokens_say_what_was_asked_for(job):
    job.server.routes[TOKENS] = (200, {"token": "t.o-k&n"})
    assert job.run("oidc", "request-token").stdout == b"t.o-k&n\n"
    assert job.server.seen[-1].document == {} and job.state.secrets == ["t.o-k&n"]
    job.run(
        "oidc", "request-token", "--audience", "a", "--lifetime", "60", "--claim", "b,c", "--claim=d", "--claim", "",
        "--aws-session-tag", "e", "--subject-claim", "f",
    )  # fmt: skip
    assert job.server.seen[-1].document == {
        "audience": "a", "lifetime": 60, "claims": ["b", "c", "d"], "aws_session_tags": ["e"], "subject_claim": "f",
    }  # fmt: skip
    done = job.run("oidc", "request-token", "--format", "gcp")
    assert done.stdout == (
        b'{"id_token":"t.o-k\\u0026n","token_type":"urn:ietf:params:oauth:token-type:jwt","version":1,"success":true}\n'
    )


def test_a_token_that_is_refused(job):
    job.server.routes[TOKENS] = (403, {"message": "not for you"})
    done = job.run("oidc", "request-token", expect=1)
    assert b"Could not obtain OIDC token for default audience" in done.stderr and len(job.server.seen) == 1
    done = job.run("oidc", "request-token", "--audience", "x", expect=1)
    assert b"Could not obtain OIDC token for audience x" in done.stderr
    assert b"fatal: POST " in done.stderr and b"403 Forbidden: not for you" in done.stderr


@pytest.mark.parametrize("words, compat", [([], "4"), (["--compat", "4"], None), (["--compat=3"], "4")])
def test_a_token_that_is_refused_is_77_as_with_version_4(job, words, compat):
    job.server.routes[TOKENS] = (403, {"message": "not for you"})
    status = 1 if words == ["--compat=3"] else 77
    done = job.run("oidc", "request-token", *words, env={"BKAGENT_COMPAT": compat}, expect=status)
    assert b"fatal: POST " in done.stderr and b"403 Forbidden: not for you" in done.stderr


@pytest.mark.parametrize(
    "words, variable",
    [
        (["secret", "get", "one"], "BUILDKITE_AGENT_SECRET_GET_SKIP_SECRET_REDACTION"),
        (["oidc", "request-token"], "BUILDKITE_AGENT_OIDC_REQUEST_TOKEN_SKIP_TOKEN_REDACTION"),
    ],
)
def test_nothing_is_printed_that_the_log_would_show(outside, words, variable):
    outside.server.routes.update({SECRETS: (200, {"value": "bare"}), TOKENS: (200, {"token": "bare"})})
    done = outside.run(*words, expect=1)
    assert done.stdout == b"" and b"bare" not in done.stderr
    assert b"BUILDKITE_AGENT_JOB_API_SOCKET" in done.stderr and variable.encode() in done.stderr
    assert outside.run(*words, OPEN).stdout == b"bare\n"
    assert outside.run(*words, env={variable: "true"}).stdout == b"bare\n"


@pytest.mark.parametrize(
    "words, says",
    [
        (["secret", "get"], b"needs the key of a secret"),
        (["secret", "get", "one", "--format", "xml"],
         b'format must be default, json or env, not "xml" (flag --format)'),
        (["oidc", "request-token", "--format", "xml"], b'format must be jwt or gcp, not "xml" (flag --format)'),
        (["oidc", "request-token", "--lifetime", "-1"], b"lifetime must be 0 or more, not -1 (flag --lifetime)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_is_asked(job, words, says):
    assert says in job.run(*words, expect=1).stderr
    assert not job.server.seen


def question(**fields):
    return "".join(f"{name}={value}\n" for name, value in fields.items()).encode() + b"\n"


def test_git_gets_the_password_of_the_repository(job_cli):
    job_cli.server.routes[PASSWORDS] = (200, {"token": "pass-word"})
    asked = question(protocol="https", host="git.example.com:8443", path="acme/a b\u00e4?.git", wwwauth="x")
    done = job_cli.run("git-credentials-helper", "get", stdin=asked)
    assert done.stdout == b"username=token\npassword=pass-word\n\n"
    assert job_cli.server.seen[-1].document == {"repo_url": "https://git.example.com:8443/acme/a%20b%C3%A4%3F.git"}


@pytest.mark.parametrize(
    "asked, answer, says",
    [
        (question(protocol="ssh", host="h", path="p"), None, b'must be https, not "ssh"'),
        (question(protocol="https", host="h"), None, b"path is missing"),
        (question(protocol="https", path="p"), None, b"host is missing"), (b"", None, b"protocol is missing"),
        (question(protocol="https", host="h", path="p"), Answer(404, {"message": "none"}), b"404 Not Found: none"),
        *(
            (question(protocol="https", host="h", path="p"), Answer(200, document), b"the token is empty, so")
            for document in ({}, {"token": ""}, {"token": None})
        ),
        *(
            (question(protocol="https", host="h", path="p"), Answer(200, document), b"it must be an object")
            for document in ("password", ["password"], True)
        ),
        (question(protocol="https", host="h", path="p"), Answer(200, {"token": 1}), b"token must be a string"),
        (question(protocol="https", host="h", path="p"), Answer(200, {"token": "a\nquit=1"}), b"a string of one line"),
    ],
)  # fmt: skip
def test_git_is_told_at_once_that_there_is_no_password(job, asked, answer, says):
    job.server.routes[PASSWORDS] = answer
    done = job.run("git-credentials-helper", "get", stdin=asked, expect=1)
    assert done.stdout == b"username=fail\npassword=fail\n\n" and says in done.stderr
    assert len(job.server.seen) == (answer is not None)


def test_git_s_other_questions_are_none(job):
    for words in ([], ["store"], ["erase"]):
        done = job.run("git-credentials-helper", *words, stdin=question(protocol="https"))
        assert done.stdout == b"" and done.stderr == b""
    assert not job.server.seen


def test_a_password_that_the_server_cannot_give_now_is_asked_for_three_times(job):
    job.server.routes[PASSWORDS] = Answer(503, {}, headers={"Retry-After": "0"})
    asked = question(protocol="https", host="h", path="p")
    assert b"password=fail" in job.run("git-credentials-helper", "get", stdin=asked, expect=1).stdout
    assert len(job.server.seen) == 3
