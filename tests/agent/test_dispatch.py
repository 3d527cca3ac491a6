"""How an agent registers, asks for work, and leaves."""

import re
import sys
import time

import pytest


def registration(plane):
    (session,) = plane.sessions.values()
    return session["registration"]


def test_a_registration_says_what_the_control_plane_chooses_by(plane, start):
    agent = start("--tags", "a=b,c=d", "--queue", "linux", "--priority", "7", "--disconnect-after-job", "--no-plugins")
    assert plane.wait_for(lambda: plane.sessions), agent.said
    said = registration(plane)
    assert said["meta_data"] == ["a=b", "c=d", "queue=linux"] and said["priority"] == "7" and said["name"] == "tester"
    assert said["version"] == "3.138.3" and said["build"].startswith("bkagent-") and said["pid"] == agent.process.pid
    assert said["features"] == ["disconnect-after-job", "no-plugins"]
    user_agent = plane.requests[0].headers["User-Agent"]
    assert user_agent.startswith("buildkite-agent/3.138.3.bkagent-")
    # Who looks for the version of an agent takes any of these for it.
    assert re.findall(r"\d+\.\d+\.\d+", user_agent + said["version"] + said["build"]) == ["3.138.3"] * 2


def test_a_registration_names_the_features_in_use_in_the_references_order(plane, start, tmp_path):
    flags = (
        "--allowed-plugins", ".*", "--allowed-repositories", ".*", "--no-http2", "--no-command-eval", "--no-plugins",
        "--disconnect-after-uptime", "600", "--disconnect-after-idle-timeout", "60", "--disconnect-after-job",
        "--git-mirrors-path", str(tmp_path / "mirrors"), "--experiment", "pty-raw",
    )  # fmt: skip
    agent = start(*flags)
    assert plane.wait_for(lambda: plane.sessions), agent.said
    assert registration(plane)["features"] == [
        "git-mirrors", "disconnect-after-job", "disconnect-after-idle", "disconnect-after-uptime", "no-plugins",
        "no-script-eval", "no-http2", "allowed-repositories", "allowed-plugins", "experiment-pty-raw",
    ]  # fmt: skip


def test_a_registration_names_no_feature_that_does_not_work(plane, start):
    working = "pty-raw,zip-plugins,normalised-upload-paths,override-zero-exit-on-cancel"
    others = "polyglot-hooks,no-such-experiment"
    agent = start("--experiment", f"{working},{others}", "--tracing-backend", "opentelemetry")
    assert plane.wait_for(lambda: plane.sessions), agent.said
    assert registration(plane)["features"] == ["experiment-" + name for name in working.split(",")]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--queue", "a", "--tags", "queue=b"], "the queue is set twice"),
        (["--ping-mode", "stream-only"], "stream-only"),
        (["--spawn", "0"], "spawn must be at least 1"),
        (["--spawn", "2", "--acquire-job", "x"], "requires spawn to be 1"),
        (["--spawn", "2", "--spawn-per-cpu", "1"], "mutually exclusive"),
        (["--signal-grace-period-seconds", "10"], "must be less than cancel-grace-period"),
        (["--cancel-grace-period", "0"], "make it at least 1"),
        (["--allowed-environment-variables", "X"], "enable-environment-variable-allowlist"),
        (["--allowed-repositories", "("], "allowed-repositories must be regular expressions"),
        (["--verification-jwks-file", "no/keys"], "no/keys: No such file or directory"),
        (["--kubernetes-exec"], "kubernetes-exec"),
        (["--cancel-signal", "SIGNOPE"], "cancel-signal must be one of SIGHUP"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_registered(plane, start, flags, words):
    agent = start(*flags)
    assert agent.wait() == 1 and words in agent.said and not plane.requests
    assert "Traceback" not in agent.said


def test_a_refused_registration_ends_the_start(plane, start):
    agent = start(token="wrong")
    assert agent.wait() == 1
    assert "POST" in agent.said and "401" in agent.said and "Invalid agent token" in agent.said


def test_an_unknown_key_of_the_file_warns_and_a_known_one_counts(plane, start, tmp_path):
    path = tmp_path / "agent.cfg"
    path.write_text('name="from-file"\nsurprise=1\ntags="x=y"\nhealth-check-addr=localhost:1\n')
    agent = start("--config", str(path), "--disconnect-after-idle-timeout", "1", name="flag")
    assert plane.wait_for(lambda: plane.sessions), agent.said
    assert registration(plane)["meta_data"] == ["x=y"] and registration(plane)["name"] == "flag"
    assert agent.said.count('unknown setting "surprise"') == 1
    assert "--health-check-addr" in agent.said and "no effect" in agent.said


@pytest.mark.parametrize("form", ["file", "flag", "variable"])
def test_a_token_is_read_from_where_it_is_and_shown_nowhere(plane, start, tmp_path, form):
    secret = tmp_path / "token"
    secret.write_text(" registration-token\n")
    words = {"file": [f"--token=file://{secret}"], "flag": ["--token", "registration-token"], "variable": []}[form]
    agent = start(*words, token="registration-token" if form == "variable" else None)
    assert plane.wait_for(lambda: "POST connect" in plane.seen), agent.said
    assert "registration-token" not in agent.said
    if sys.platform == "linux":
        for name in ("cmdline", "environ"):
            with open(f"/proc/{agent.process.pid}/{name}", encoding="utf-8", errors="replace") as file:
                assert "registration-token" not in file.read()


@pytest.mark.parametrize("token", ["file:///no/such/file", "fd://77", "fd://x", "file:///dev/null"])
def test_a_token_that_cannot_be_read_is_said_with_its_place(plane, start, token):
    agent = start("--token", token)
    assert agent.wait() == 1 and not plane.requests
    assert token.partition("://")[2] in agent.said and "Traceback" not in agent.said


def test_how_work_arrives_is_said(plane, start):
    plane.ping_interval = 5
    agent = start()
    assert agent.wait_said("Dispatch mode: polling; a job may wait up to 5 s"), agent.said


@pytest.mark.raced
def test_pings_keep_to_the_interval(plane, start):
    """Of the pings after the first, no two come in the same interval: a rate, not a time, so load cannot break it."""
    plane.ping_interval = 0.5
    agent = start()
    assert plane.wait_for(lambda: "GET ping" in plane.seen), agent.said
    count, began = plane.seen.count("GET ping"), time.monotonic()  # on a busy machine there may be more than one by now
    assert plane.wait_for(lambda: plane.seen.count("GET ping") >= count + 5), agent.said
    assert time.monotonic() - began > 3 * 0.5


def test_a_pause_takes_no_job_and_a_later_ping_does(plane, start):
    plane.actions += [{"action": "pause", "message": "wait a bit", "job": {"id": "not-this-one"}}] * 2
    job = plane.add_job("echo hello")
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finishes and "wait a bit" in agent.said and "PUT jobs/not-this-one/accept" not in plane.seen


def test_a_disconnect_ends_the_worker(plane, start):
    plane.actions.append({"action": "disconnect", "message": "go home"})
    agent = start()
    assert agent.wait() == 0
    assert "go home" in agent.said and plane.seen[-1] == "POST disconnect"


def test_an_unknown_action_still_brings_its_job(plane, start):
    job = plane.add_job("echo hello")
    plane.actions.append({"action": "dance", "job": {"id": job.id}})
    assert start("--disconnect-after-job").wait() == 0
    assert job.finishes


def test_a_ping_that_is_refused_ends_the_worker_with_an_error(plane, start):
    plane.break_down("GET ping", 403)
    agent = start()
    assert agent.wait() == 1 and plane.seen[-1] == "POST disconnect"


def test_agents_leave_after_being_idle(plane, start):
    job = plane.add_job("echo hello")
    agent = start("--disconnect-after-idle-timeout", "1", "--spawn", "2")
    assert agent.wait() == 0, agent.said
    assert "idle for 1 s: disconnecting" in agent.said
    assert job.finishes and [one["state"] for one in plane.sessions.values()] == ["disconnected"] * 2


def test_a_job_is_acquired_and_the_agent_leaves(plane, start):
    job, other = plane.add_job("exit 5"), plane.add_job("echo other")
    job.state = "reserved"
    agent = start("--acquire-job", job.id)
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "5" and not other.starts
    (call,) = [request for request in plane.requests if request.path.endswith("/acquire")]
    assert call.headers["X-Buildkite-Lock-Acquire-Job"] == "1" and registration(plane)["ignore_in_dispatches"] is True


@pytest.mark.parametrize(("command", "status"), [("exit 5", 5), ("true", 0)])
def test_an_acquired_jobs_status_can_be_the_agents(plane, start, command, status):
    job = plane.add_job(command)
    job.state = "reserved"
    assert start("--acquire-job", job.id, "--reflect-exit-status").wait() == status


def test_a_job_that_is_not_to_be_had_has_an_exit_status_of_its_own(plane, start):
    job = plane.add_job("true")
    plane.answers[f"PUT jobs/{job.id}/acquire"] = (422, {"message": "taken"})
    assert start("--acquire-job", job.id).wait() == 27
    assert plane.seen[-1] == "POST disconnect"


def test_a_job_that_cannot_be_acquired_for_other_reasons_lets_the_agent_leave_in_order(plane, start):
    job = plane.add_job("true")
    job.state = "reserved"
    plane.answers[f"PUT jobs/{job.id}/acquire"] = (403, {"message": "no"})
    assert start("--acquire-job", job.id).wait() == 0
    assert plane.seen[-1] == "POST disconnect" and not job.starts


def test_request_headers_go_with_everything_from_then_on(plane, start, tmp_path):
    plane.registered["request_headers"] = {"Buildkite-Hello": "one", "X-Other": "no"}
    job = plane.add_job(f"env > {tmp_path}/env")
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    for request in plane.requests[1:]:
        assert request.headers.get("Buildkite-Hello") == "one" and "X-Other" not in request.headers, request.call
    assert "BUILDKITE_REQUEST_HEADER_BUILDKITE_HELLO=one" in (tmp_path / "env").read_text() and job.finishes


def test_a_ping_can_move_the_agent_but_for_its_session(plane, start):
    job = plane.add_job("echo hello")
    job_id, other = job.id, plane.url + "/other"
    plane.actions.append({"action": "", "endpoint": other, "request_headers": {"Buildkite-New": "1"}})
    plane.answers["GET /other/ping"] = (200, {"action": "", "job": {"id": job_id}})
    plane.answers[f"PUT /other/jobs/{job_id}/accept"] = (404, {"message": "it came here"})
    agent = start()
    assert plane.wait_for(lambda: f"PUT /other/jobs/{job_id}/accept" in plane.seen), agent.said
    agent.signal("SIGTERM")
    assert agent.wait() == 0
    assert plane.seen[-1] == "POST disconnect" and plane.requests[-1].headers["Buildkite-New"] == "1"


def test_an_endpoint_that_does_not_answer_is_not_moved_to(plane, start):
    plane.actions.append({"action": "", "endpoint": plane.url + "/bad"})
    job = plane.add_job("echo hello")
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finishes and "/bad does not answer" in agent.said
