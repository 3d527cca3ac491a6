"""The hooks that the agent runs itself."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the hooks here are shell scripts")


@pytest.fixture
def hooks(tmp_path):
    """Return a function that writes a hook, and the flags that name its folder."""
    folder = tmp_path / "hooks"
    folder.mkdir()

    def write(name, text, mode=0o755):
        (folder / name).write_text(text)
        (folder / name).chmod(mode)
        return ["--hooks-path", str(folder)]

    return write


def test_a_hook_before_the_job_can_refuse_it(plane, start, hooks):
    job = plane.add_job("echo no", env={"SECRET_OF_THE_JOB": "1"})
    flags = hooks("pre-bootstrap", 'echo "judging $BUILDKITE_JOB_ID ${SECRET_OF_THE_JOB-unseen}"; exit 3\n')
    agent = start("--disconnect-after-job", *flags)
    assert agent.wait() == 0, agent.said
    assert (job.finish["exit_status"], job.finish["signal_reason"]) == ("-1", "agent_refused")
    assert job.text == "pre-bootstrap hook rejected this job, see the buildkite-agent logs for more details\n"
    assert f"judging {job.id} unseen" in agent.said and "exited with status 3" in agent.said


def test_a_hook_before_the_job_sees_its_files(plane, start, hooks, tmp_path):
    job = plane.add_job("echo yes", env={"MINE": "1"})
    flags = hooks("pre-bootstrap", f'#!/bin/sh\ncp "$BUILDKITE_ENV_JSON_FILE" {tmp_path}/seen\n')
    agent = start("--disconnect-after-job", *flags)
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0" and '"MINE":"1"' in (tmp_path / "seen").read_text()


def test_a_hook_that_cannot_be_run_refuses_the_job(plane, start, hooks):
    job = plane.add_job("echo no")
    agent = start("--disconnect-after-job", *hooks("pre-bootstrap", "#!/no/such/program\n"))
    assert agent.wait() == 0, agent.said
    assert job.finish["signal_reason"] == "agent_refused" and "could not be run" in agent.said


def test_hooks_of_the_agents_life_know_its_sessions(plane, start, hooks, tmp_path):
    text = f'echo "$0 $BUILDKITE_AGENT_NAMES $BUILDKITE_AGENT_IDS" >> {tmp_path}/life\n'
    hooks("agent-startup", text)
    agent = start("--disconnect-after-job", "--spawn", "2", *hooks("agent-shutdown", text), name="w%spawn")
    plane.add_job("true"), plane.add_job("true")
    assert agent.wait() == 0, agent.said
    first, last = (tmp_path / "life").read_text().splitlines()
    assert "agent-startup w1,w2 " in first and "agent-shutdown w1,w2 " in last
    assert all(session in first for session in plane.sessions)


def test_a_failing_startup_hook_ends_the_start(plane, start, hooks):
    agent = start(*hooks("agent-startup", "exit 4\n"))
    assert agent.wait() == 1
    assert "agent-startup" in agent.said and "status 4" in agent.said and "POST connect" not in plane.seen


def test_a_failing_shutdown_hook_changes_nothing(plane, start, hooks):
    plane.add_job("true")
    agent = start("--disconnect-after-job", *hooks("agent-shutdown", "exit 4\n"))
    assert agent.wait() == 0 and "status 4" in agent.said


def test_what_the_agent_says_holds_no_secret(plane, start, hooks):
    """Neither its own tokens nor values of secret variables, whichever hook printed them."""
    hooks("agent-startup", 'echo "startup $MY_SECRET"\n')
    flags = hooks("pre-bootstrap", 'echo "job token $BUILDKITE_AGENT_ACCESS_TOKEN, $MY_SECRET"\n')
    job = plane.add_job("echo runs")
    agent = start("--disconnect-after-job", *flags, env={"MY_SECRET": "hunter2-hunter2"})
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0"
    assert "startup [REDACTED]" in agent.said
    assert "job token [REDACTED], [REDACTED]" in agent.said
    assert "hunter2" not in agent.said and job.token not in agent.said


def test_an_error_that_quotes_the_token_does_not_show_it(start):
    from tests.fakes.scripted_server import Answer, ScriptedServer

    with ScriptedServer({"*": Answer(401, {"message": "no such token: registration-token"})}) as server:
        agent = start("--endpoint", server.url + "/v3")
        assert agent.wait() == 1
        assert "no such token: [REDACTED]" in agent.said and "registration-token" not in agent.said
