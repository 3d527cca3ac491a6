"""Environments that are too big for a process: the job runs, and says what its commands do not have."""

import pytest


@pytest.fixture(params=["warm", "exec"])
def how(request):
    """Whether job processes are forks, or programs of their own, as that of an acquired job is."""
    return request.param


def run(start, plane, job, how):
    flags = ("--acquire-job", job.id) if how == "exec" else ("--disconnect-after-job",)
    agent = start(*flags)
    assert agent.wait() == 0, agent.said
    return job.text


def test_one_that_is_too_long_is_left_out_named_and_in_the_file(plane, start, how):
    env = {"BIG": "x" * 3_000_000, "SMALL": "here"}
    count = 'grep -c "^BIG=\\"xxx" "$BUILDKITE_ENV_FILE"; buildkite-agent env get BIG | wc -c'
    command = f'echo "<${{BIG-nothing}}> $SMALL"; {count}'
    job = plane.add_job(command, env=env)
    text = run(start, plane, job, how)
    assert job.finish["exit_status"] == "0", text[-2000:]
    assert text.endswith("<nothing> here\n1\n3000001\n"), text[-500:]
    assert text.count("do not have: BIG (3,000,000 characters).") == 1


def test_thousands_together_are_left_out_by_length(plane, start, how):
    env = {f"PART_{number:04}": "y" * 1000 for number in range(5000)}
    job = plane.add_job('env | grep -c "^PART_"; echo "${SHORT}"', env={**env, "SHORT": "s"})
    text = run(start, plane, job, how)
    assert job.finish["exit_status"] == "0", text[-2000:]
    count, short = text.split("\n")[-3:-1]
    assert 0 < int(count) < 5000 and short == "s"
    assert " more. What came with the job" in text and "PART_0000 (1,000 characters)" in text


def test_five_thousand_short_ones_all_fit(plane, start, how):
    env = {f"PART_{number:04}": "value" for number in range(5000)}
    job = plane.add_job('env | grep -c "^PART_"', env=env)
    assert run(start, plane, job, how).endswith("\n5000\n")


def test_hooks_run_and_leave_it_as_it_is(plane, start, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "environment").write_text("export FROM_HOOK=yes\n", encoding="ascii")
    job = plane.add_job("echo $FROM_HOOK; buildkite-agent env get BIG | wc -c", env={"BIG": "x" * 200_000})
    agent = start("--hooks-path", str(hooks), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("\nyes\n200001\n"), job.text[-500:]


def test_what_a_job_sets_itself_is_told_of_as_well(plane, start, tmp_path):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    lines = (
        "{ printf '{\"HUGE\":\"'; head -c 300000 /dev/zero | tr '\\0' z; printf '\"}'; } |",
        "buildkite-agent env set --input-format=json - >/dev/null",
    )
    (hooks / "pre-command").write_text(" ".join(lines) + "\n", encoding="ascii")
    job = plane.add_job("echo ${HUGE-nothing}; buildkite-agent env get HUGE | wc -c")
    agent = start("--hooks-path", str(hooks), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("\nnothing\n300001\n"), job.text[-1000:]
    assert "do not have: HUGE (300,000 characters)." in job.text


def test_a_script_of_the_agents_owner_runs_too(plane, start, tmp_path):
    script = tmp_path / "script"
    script.write_text('#!/bin/sh\necho "ran with <${BIG-nothing}>"\n', encoding="ascii")
    script.chmod(0o755)
    job = plane.add_job("true", env={"BIG": "x" * 3_000_000})
    agent = start("--bootstrap-script", str(script), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert "ran with <nothing>" in job.text and "do not have: BIG" in job.text
