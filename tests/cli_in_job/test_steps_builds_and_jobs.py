"""Commands that read and change steps, builds and jobs, through the job's local socket and without it."""

import re

import pytest

from tests.cli_in_job.conftest import BUILD_ID, JOB_ID, STEP_ID
from tests.fakes.scripted_server import Answer, Raw

STEP = f"/v3/steps/{STEP_ID}"
AGAIN = {"Retry-After": "0"}
SECRET = {"MY_TOKEN": "secret-value-1"}


def sent(job, number=-1):
    return job.server.seen[number]


def test_step_get_prints_what_the_server_says(job_cli):
    job_cli.server.routes[f"POST {STEP}/export"] = (200, {"output": "gr\u00fcn\n\u2603"})
    assert job_cli.run("step", "get", "label").stdout == "gr\u00fcn\n\u2603\n".encode()
    assert sent(job_cli).document == {"attribute": "label", "build_id": BUILD_ID}
    job_cli.run("step", "get", "--format", "json", env={"BUILDKITE_BUILD_ID": None})
    assert sent(job_cli).document == {"format": "json"}
    job_cli.server.routes["POST /v3/steps/a%20key/export"] = (404, {"message": "no such step"})
    done = job_cli.run("step", "get", "--step", "a key", "--build", "other", expect=1)
    assert b"fatal: failed to get step: POST " in done.stderr and b"404 Not Found: no such step" in done.stderr
    assert sent(job_cli).document == {"build_id": "other"} and done.stdout == b""


def test_step_update_has_one_name_for_all_its_tries(job_cli):
    job_cli.server.routes[f"PUT {STEP}"] = [Answer(500, {}, headers=AGAIN), Answer(200, {})]
    job_cli.run("step", "update", "label", "a secret-value-1", "--append", env=SECRET)
    first, second = job_cli.server.seen
    assert first.body == second.body
    uuid = first.document["idempotency_uuid"]
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", uuid)
    rest = {name: value for name, value in first.document.items() if name != "idempotency_uuid"}
    assert rest == {"build_id": BUILD_ID, "attribute": "label", "value": "a [REDACTED]", "append": True}
    job_cli.run("step", "update", "label", "again")
    assert sent(job_cli).document["idempotency_uuid"] != uuid


def test_values_come_from_standard_input_where_there_is_no_argument(job_cli):
    job_cli.server.routes.update({f"PUT {STEP}": (200, {}), f"PUT /v3/jobs/{JOB_ID}": (200, {"id": JOB_ID})})
    done = job_cli.run("step", "update", "notify", stdin=b"one\r\ntwo\n")
    assert sent(job_cli).document["value"] == "one\r\ntwo\n" and b"Reading value from STDIN" in done.stderr
    job_cli.run("step", "update", "label", "", stdin=b"unread")
    assert "value" not in sent(job_cli).document
    done = job_cli.run("job", "update", "timeout_in_minutes", stdin=b"20\n")
    assert sent(job_cli).document == {"timeout_in_minutes": "20\n"} and b"Reading value from STDIN" in done.stderr
    job_cli.run("job", "update", "timeout_in_minutes", "")
    assert sent(job_cli).document == {"timeout_in_minutes": ""}


def test_job_update_takes_secrets_out(job_cli):
    job_cli.server.routes[f"PUT /v3/jobs/{JOB_ID}"] = [(200, {"id": JOB_ID}), (422, {"message": "no such attribute"})]
    done = job_cli.run("job", "update", "note", "secret-value-1", env=SECRET)
    assert sent(job_cli).document == {"note": "[REDACTED]"}
    assert b'New value for job "0190-job" attribute "note" contained one or more secrets' in done.stderr
    assert b"fatal: failed to update job: PUT " in job_cli.run("job", "update", "note", "x", expect=1).stderr


def test_step_cancel_says_all_it_knows(job_cli):
    job_cli.server.routes[f"POST {STEP}/cancel"] = (200, {"uuid": "the-step"})
    done = job_cli.run("step", "cancel")
    assert sent(job_cli).document == {"build_id": BUILD_ID, "force": False, "force_grace_period": 10}
    assert b"Successfully cancelled step: the-step" in done.stderr and done.stdout == b""
    job_cli.run("step", "cancel", "--force", env={"BUILDKITE_CANCEL_GRACE_PERIOD": "7", "BUILDKITE_BUILD_ID": None})
    assert sent(job_cli).document == {"build_id": "", "force": True, "force_grace_period": 7}
    both = {"BUILDKITE_CANCEL_GRACE_PERIOD": "7", "BUILDKITE_STEP_CANCEL_FORCE_GRACE_PERIOD_SECONDS": "0x10"}
    job_cli.run("step", "cancel", env=both)
    assert sent(job_cli).document["force_grace_period"] == 16


def test_build_cancel_tries_again(job_cli):
    job_cli.server.routes[f"POST /v3/builds/{BUILD_ID}/cancel"] = [Raw(), Answer(200, {"uuid": "the-build"})]
    done = job_cli.run("build", "cancel")
    assert b"Attempt 1/5 Retrying in " in done.stderr and b"Successfully cancelled build the-build" in done.stderr
    assert sent(job_cli).body == b"" and done.stdout == b""
    job_cli.server.routes["POST /v3/builds/other/cancel"] = (422, {"message": "finished"})
    done = job_cli.run("build", "cancel", "--build", "other", expect=1)
    assert b"fatal: failed to cancel build: POST " in done.stderr


@pytest.mark.parametrize(
    "words, env, says",
    [
        (["step", "get"], {"BUILDKITE_STEP_ID": None}, b"Missing step. See: `bkagent step get --help`"),
        (["step", "update"], {}, b"Missing attribute. See: `bkagent step update --help`"),
        (["step", "update", "", "x"], {}, b"Missing attribute."),
        (["step", "cancel", "--step="], {}, b"Missing step."),
        (
            ["step", "cancel", "--force-grace-period-seconds", "-1"],
            {},
            b"must be 0 or more, not -1 (flag --force-grace-period-seconds)",
        ),
        (
            ["step", "cancel"],
            {"BUILDKITE_CANCEL_GRACE_PERIOD": "soon"},
            b"(environment variable BUILDKITE_CANCEL_GRACE_PERIOD)",
        ),
        (["build", "cancel"], {"BUILDKITE_BUILD_ID": ""}, b"Missing build. See: `bkagent build cancel --help`"),
        (["job", "update"], {}, b"Missing attribute. See: `bkagent job update --help`"),
        (["job", "promise-failure"], {}, b"Missing exit status. See: `bkagent job promise-failure --help`"),
        (["job", "promise-failure", "0"], {}, b"must be a positive integer, not 0"),
        (["job", "promise-failure", "--", "-3"], {}, b"must be a positive integer, not -3"),
        (["job", "promise-failure", "three"], {}, b'must be an integer, not "three"'),
        (["job", "promise-failure", "9" * 30], {}, b"must be an integer"),
        (["job", "promise-failure", "3"], {"BUILDKITE_JOB_ID": None}, b"BUILDKITE_JOB_ID must name the job"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(job, words, env, says):
    done = job.run(*words, env=env, expect=1)
    assert says in done.stderr
    assert not job.server.seen


def test_pause_resume_and_stop_ask_with_the_job_s_token(job_cli):
    job_cli.server.routes["*"] = Answer(204)
    for words, line, body, says in (
        (["pause"], "POST /v3/pause", b"{}\n", b"Successfully paused agent"),
        (["pause", "--note", "n", "--timeout-in-minutes", "5"], "POST /v3/pause",
         b'{"note":"n","timeout_in_minutes":5}\n', b"Successfully paused agent"),
        (["resume"], "POST /v3/resume", b"", b"Successfully resumed agent"),
        (["stop"], "POST /v3/stop", b"{}\n", b"Successfully stopped agent"),
        (["stop", "--force"], "POST /v3/stop", b'{"force":true}\n', b"Successfully stopped agent"),
    ):  # fmt: skip
        done = job_cli.run(*words)
        assert (sent(job_cli).line, sent(job_cli).body) == (line, body)
        assert says in done.stderr and sent(job_cli).headers["authorization"] == "Token job-token"
    job_cli.server.routes["*"] = (422, {"message": "no"})
    for word in ("pause", "resume", "stop"):
        assert f"fatal: failed to {word} agent: POST ".encode() in job_cli.run(word, expect=1).stderr


PROMISE = f"PUT /v3/jobs/{JOB_ID}/promise_failure"


def test_a_promise_goes_through_the_job_or_without_it(job_cli):
    job_cli.server.routes[PROMISE] = Answer(204)
    done = job_cli.run("job", "promise-failure", "3", "--reason", "a secret-value-1", env=SECRET)
    assert sent(job_cli).document == {"exit_status": 3, "reason": "a [REDACTED]"}
    assert b"Declared promised exit status 3 for job 0190-job" in done.stderr and done.stdout == b""


def test_the_job_promises_the_same_only_once(job):
    job.server.routes[PROMISE] = Answer(204)
    for _ in range(2):
        job.run("job", "promise-failure", "3")
    job.run("job", "promise-failure", "4")
    assert [request.document["exit_status"] for request in job.server.seen] == [3, 4]


@pytest.mark.parametrize(
    "status, says",
    [(409, b"a different exit status was already promised"), (422, b"no longer running"), (403, b"could not promise")],
)
def test_a_refused_promise(job_cli, status, says):
    job_cli.server.routes[PROMISE] = (status, {"message": "no"})
    assert says in job_cli.run("job", "promise-failure", "3", expect=1).stderr
    assert len(job_cli.server.seen) == 1


def test_a_promise_falls_back_where_the_job_s_socket_is_gone(job, tmp_path):
    job.server.routes[PROMISE] = Answer(204)
    job.run("job", "promise-failure", "3", env={"BUILDKITE_AGENT_JOB_API_SOCKET": str(tmp_path / "gone")})
    assert sent(job).document == {"exit_status": 3}
