"""Jobs run by a real agent process against a server over real HTTP."""

import json
import sys

import pytest


def test_a_job_that_passes(plane, start):
    job = plane.add_job("echo hello")
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("\nhello\n")
    assert {name: job.finish[name] for name in ("exit_status", "chunks_failed_count")} == {
        "exit_status": "0", "chunks_failed_count": 0,
    }  # fmt: skip
    assert job.finish["ignore_agent_in_dispatches"] is True
    assert not job.problems and agent.spool == []
    assert [call.split()[-1].rpartition("/")[2] for call in plane.seen if call.startswith(("PUT", "POST"))] == [
        "register", "connect", "accept", "start", *["chunks"] * len(job.chunks), "finish", "disconnect",
    ]  # fmt: skip


def test_a_job_that_fails_has_its_exit_status(plane, start):
    job = plane.add_job("echo no; exit 3")
    assert start("--disconnect-after-job").wait() == 0
    assert job.finish["exit_status"] == "3" and "signal_reason" not in job.finish


def test_jobs_follow_one_another_without_waiting_for_the_next_tick(plane, start):
    plane.ping_interval = 600
    jobs = [plane.add_job(f"echo {number}") for number in range(3)]
    agent = start()
    assert plane.wait_for(lambda: all(job.finishes for job in jobs)), agent.said


def test_a_log_of_many_chunks_arrives_whole(plane, start):
    plane.chunk_size = 4096
    job = plane.add_job(f"{sys.executable} -c \"print('\\n'.join('line %d' % n for n in range(20000)))\"")
    assert start("--disconnect-after-job", "--no-ansi-timestamps").wait() == 0
    assert len(job.chunks) > 20 and not job.problems
    assert job.text.endswith("".join(f"line {number}\n" for number in range(20000)))


def test_disconnect_after_job_takes_one_job(plane, start):
    first, second = plane.add_job("echo one"), plane.add_job("echo two")
    assert start("--disconnect-after-job").wait() == 0
    assert first.finish["exit_status"] == "0" and not second.starts


def test_two_workers_run_two_jobs_at_once(plane, start, tmp_path):
    """Each job waits for the other's file, so neither ends unless both run."""
    here = [tmp_path / "one", tmp_path / "two"]
    for mine, other in (here, here[::-1]):
        plane.add_job(f"touch {mine}; until [ -e {other} ]; do sleep 0.05; done")
    agent = start("--spawn", "2", "--disconnect-after-job", name="w-%spawn")
    assert agent.wait() == 0, agent.said
    assert sorted(one["registration"]["name"] for one in plane.sessions.values()) == ["w-1", "w-2"]
    assert [one["state"] for one in plane.sessions.values()] == ["disconnected"] * 2


def test_a_job_that_cannot_be_accepted_costs_nothing_but_itself(plane, start):
    first, second = plane.add_job("echo one"), plane.add_job("echo two")
    plane.answers[f"PUT jobs/{first.id}/accept"] = (422, {"message": "taken"})
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert second.finish["exit_status"] == "0" and not first.starts


def test_a_job_without_a_chunk_limit_is_refused_by_name(plane, start):
    first, second = plane.add_job("echo one"), plane.add_job("echo two")
    plane.answers[f"PUT jobs/{first.id}/accept"] = (200, {**first.document(), "chunks_max_size_bytes": 0})
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0
    assert "chunks_max_size_bytes must be a whole number of at least 1" in agent.said and second.finishes


def test_a_job_whose_start_is_refused_is_left_without_a_finish_and_has_not_begun(plane, start, tmp_path):
    seen, context = tmp_path / "seen", tmp_path / "context"
    context.mkdir()
    first, second = plane.add_job(f"echo one >>{seen}"), plane.add_job(f"echo two >>{seen}")
    plane.answers[f"PUT jobs/{first.id}/start"] = (422, {"message": "no"})
    agent = start("--disconnect-after-job", env={"BUILDKITE_JOB_CONTEXT_DIR": str(context)})
    assert agent.wait() == 0
    assert not first.finishes and not first.chunks and second.finishes and agent.spool == []
    assert seen.read_text() == "two\n" and list(context.iterdir()) == [], agent.said


@pytest.mark.skipif(sys.platform == "win32", reason="the hook is a shell script")
@pytest.mark.parametrize("has_hook", [False, True])
def test_nothing_of_a_job_runs_before_its_start_is_taken(plane, start, tmp_path, monkeypatch, has_hook):
    """Its files are written and its process is started meanwhile."""
    seen, hooks = tmp_path / "seen", tmp_path / "hooks"
    hooks.mkdir()
    if has_hook:
        (hooks / "pre-bootstrap").write_text(f"#!/bin/sh\necho hook >>{seen}\n")
        (hooks / "pre-bootstrap").chmod(0o755)
    job, answer, before = plane.add_job(f"echo job >>{seen}"), plane.answer, []

    def answer_late(request):
        if request.path.endswith("/start"):
            before.append(agent.wait_said("Created env file (JSON format)") and not seen.exists() and not job.chunks)
        return answer(request)

    monkeypatch.setattr(plane, "answer", answer_late)
    agent = start("--disconnect-after-job", "--debug", "--hooks-path", str(hooks))
    assert agent.wait() == 0, agent.said
    assert before == [True] and seen.read_text() == ("hook\n" if has_hook else "") + "job\n"


def test_a_process_that_cannot_be_given_its_environment_is_a_run_error(plane, start):
    job = plane.add_job("echo no", env={"BAD": "nul\0byte"})
    agent = start("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "process_run_error")
    assert job.text.startswith("Error running job: ") and agent.spool == []


UNVERIFIABLE = (
    "+++ \N{NO ENTRY} Job signature verification failed\n"
    "error: cannot verify signature. JWK for pipeline verification is not configured\n"
)
CACHE = "+++ \N{WARNING SIGN}\N{VARIATION SELECTOR-16} Cache settings detected on self-hosted agent\ncache paths: a\n"


@pytest.mark.parametrize("behavior", ["block", "", None, "warn"])
def test_a_signed_job_without_a_key_to_check_it(plane, start, behavior):
    """The reference shows the same lines whether the job then runs or not."""
    common = {"command": "echo ran", "cache": {"paths": ["a"]}}
    env = {"BUILDKITE_COMPUTE_TYPE": "self-hosted"}
    steps = [{**common, "signature": signature} for signature in ({"algorithm": "EdDSA", "value": "x"}, {}, None)]
    *signed, unsigned = [plane.add_job("echo ran", env, step) for step in steps]
    agent = start(*([] if behavior is None else [f"--verification-failure-behavior={behavior}"]))
    assert unsigned.wait_finished() and unsigned.finish["exit_status"] == "0" and unsigned.text.startswith(CACHE)
    does = "runs unverified" if behavior == "warn" else "is refused"
    for job in signed:
        assert job.wait_finished() and f"job {job.id} {does}: cannot verify signature" in agent.said
        if behavior == "warn":
            assert job.finish["exit_status"] == "0" and "signal_reason" not in job.finish
            assert job.text.startswith(UNVERIFIABLE + CACHE) and "\nran\n" in job.text, job.text
        else:
            assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "signature_rejected")
            assert job.text == UNVERIFIABLE


@pytest.mark.parametrize(
    ("flags", "env", "line"),
    [
        (["--allowed-repositories", "^good"], {}, "failed to validate repo: /no/repository has no match in [^good]"),
        (
            ["--enable-environment-variable-allowlist", "--allowed-environment-variables", "^MY_"], {"OTHER": "1"},
            "failed to validate environment variables: OTHER has no match in [^BUILDKITE$ ^BUILDKITE_.*$ ^CI$ ^MY_]",
        ),
        (
            ["--allowed-plugins", "^github.com/me/"], {"BUILDKITE_PLUGINS": json.dumps([{"docker#v5": None}])},
            "failed to validate plugins: github.com/buildkite-plugins/docker-buildkite-plugin#v5 "
            "has no match in [^github.com/me/]",
        ),
        ([], {"BUILDKITE_PLUGINS": "[1]"}, "failed to validate plugins: failed to unmarshal"),
        ([], {"BUILDKITE_PLUGINS": "[" * 200_000}, "failed to validate plugins: failed to unmarshal"),
        (
            [], {"BUILDKITE_PLUGINS": f"[{'9' * 500}]"},
            "failed to validate plugins: failed to unmarshal plugins for validation: a number has more than 400 digits",
        ),
    ],
    ids=["repository", "variable", "plugin", "no plugin", "nested plugins", "long number"],
)  # fmt: skip
def test_what_is_not_allowed_does_not_run(plane, start, flags, env, line):
    job = plane.add_job("echo no", env=env)
    assert start("--disconnect-after-job", *flags).wait() == 0
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "agent_refused")
    assert job.text.startswith(line)


def test_a_refusal_that_quotes_a_secret_does_not_show_it(plane, start):
    env = {"BUILDKITE_REPO": "https://me:hunter2hunter2@git.test/x", "REPO_PASSWORD": "hunter2hunter2"}
    job = plane.add_job("echo no", env=env)
    assert start("--disconnect-after-job", "--allowed-repositories", "^good").wait() == 0
    line = "failed to validate repo: https://me:[REDACTED]@git.test/x has no match in [^good]"
    assert job.text.startswith(line), job.text


@pytest.mark.parametrize("allowed", ["^/no/rep", "^/no/rep,^https://"])
def test_a_copy_of_the_repository_has_to_be_allowed_too(plane, start, allowed):
    url = "https://user:secret@mirror.test/x"
    job = plane.add_job('echo "<$BUILDKITE_GIT_REMOTE_MIRROR_URL>"', env={"BUILDKITE_GIT_REMOTE_MIRROR_URL": url})
    assert start("--disconnect-after-job", "--allowed-repositories", allowed).wait() == 0
    line = (
        "Remote Git mirror is not permitted by --allowed-repositories; "
        "using canonical repository: https://user:xxxxx@mirror.test/x\n"
    )
    is_dropped = "https" not in allowed
    assert job.text.startswith(line) is is_dropped
    assert ("<>" in job.text) is is_dropped
    assert job.finish["exit_status"] == "0"


def test_what_configures_the_agent_does_not_reach_its_jobs(plane, start, tmp_path):
    job = plane.add_job("env > all.txt; cp all.txt " + str(tmp_path))
    agent = start(
        "--disconnect-after-job",
        env={"BUILDKITE_AGENT_TAGS": "a=b", "BUILDKITE_AGENT_PING_MODE": "poll-only", "PLAIN": "stays"},
    )
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    found = dict(line.split("=", 1) for line in (tmp_path / "all.txt").read_text().splitlines() if "=" in line)
    assert found["PLAIN"] == "stays" and found["BUILDKITE_JOB_ID"] == job.id
    assert not {"BUILDKITE_AGENT_TAGS", "BUILDKITE_AGENT_PING_MODE", "BUILDKITE_AGENT_TOKEN"} & set(found)
    assert "registration-token" not in (tmp_path / "all.txt").read_text()
    assert found["BUILDKITE_AGENT_ACCESS_TOKEN"] == job.token


def test_the_files_that_describe_a_job_hold_what_it_brought(plane, start, tmp_path):
    command = f'cp "$BUILDKITE_ENV_FILE" {tmp_path}/env; cp "$BUILDKITE_ENV_JSON_FILE" {tmp_path}/json'
    job = plane.add_job(command, env={"MINE": 'a"b\n<c>'})
    assert start("--disconnect-after-job").wait() == 0
    assert job.finish["exit_status"] == "0", job.text
    text = (tmp_path / "json").read_text()
    assert json.loads(text)["MINE"] == 'a"b\n<c>' and "<" not in text
    lines = (tmp_path / "env").read_text().splitlines()
    assert 'MINE="a\\"b\\n<c>"' in lines and not any(line.startswith("BUILDKITE_AGENT_PID") for line in lines)


@pytest.mark.parametrize("flags", [["--experiment", "propagate-agent-config-vars"], ["--compat", "4"], []])
def test_containers_may_be_told_the_names_of_what_the_agent_says(plane, start, tmp_path, flags):
    job = plane.add_job(f'cp "$BUILDKITE_ENV_FILE" {tmp_path}/env', env={"MINE": "1"})
    assert start("--disconnect-after-job", *flags).wait() == 0, job.text
    lines = (tmp_path / "env").read_text().splitlines()
    named = [line for line in lines if "=" not in line]
    assert len(named) == (33 if flags else 0)
    assert lines[: len(named)] == named
    assert not flags or (named[0], named[-1]) == ("BUILDKITE_GIT_CHECKOUT_FLAGS", "BUILDKITE_AGENT_JWKS_KEY_ID")
    assert 'MINE="1"' in lines
