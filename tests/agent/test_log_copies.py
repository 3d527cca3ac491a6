"""Copies of the logs of jobs: the file a job knows, files that stay, and the agent's own standard output."""

import json
import os
import stat

import pytest

from bkagent.spool import journal

# Prints the name of the file, and waits until the file has that.
SHOW = 'F=$BUILDKITE_JOB_LOG_TMPFILE; echo "is $F"; until grep -aq "is [/]" "$F"; do sleep 0.01; done'


def test_a_job_finds_its_log_in_a_file_that_goes_with_it(plane, start, tmp_path):
    folder = tmp_path / "logs"
    job = plane.add_job(f'{SHOW}; stat -c "mode %a" "$F"; cp "$F" copied')
    agent = start("--enable-job-log-tmpfile", "--job-log-path", str(folder), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    assert f"is {folder}/buildkite_job_log" in job.text and "mode 644" in job.text
    (copied,) = tmp_path.glob("agent/builds/**/copied")
    assert job.raw.startswith(copied.read_bytes()) and b"Running commands" in copied.read_bytes()
    assert list(folder.iterdir()) == []


def test_the_file_is_in_the_temporary_folder_unless_told_otherwise(plane, start, tmp_path):
    (tmp_path / "t").mkdir()
    job = plane.add_job('echo "${BUILDKITE_JOB_LOG_TMPFILE%/*}"')
    start("--enable-job-log-tmpfile", "--disconnect-after-job", env={"TMPDIR": str(tmp_path / "t")}).wait()
    assert job.text.endswith(f"\n{tmp_path / 't'}\n")


@pytest.mark.raced
def test_a_job_that_is_killed_leaves_no_file(plane, start, tmp_path):
    folder = tmp_path / "logs"
    job = plane.add_job(SHOW + "; kill -9 $PPID; sleep 60")
    agent = start("--enable-job-log-tmpfile", "--job-log-path", str(folder), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "-1" and str(folder) in job.text
    assert list(folder.iterdir()) == []


def test_jobs_of_one_agent_know_their_own_files_alone(plane, start, tmp_path):
    """Two at once and one after another: each waits until the file that it knows has its own line."""
    folder, both = tmp_path / "logs", [tmp_path / "one", tmp_path / "two"]
    look = 'until grep -aq "LINE of [/]" "$BUILDKITE_JOB_LOG_TMPFILE"; do sleep 0.01; done'
    jobs = []
    for name in ("one", "two", "three", "four"):
        meet = f"touch {tmp_path / name}; until [ -e {both[0]} ] && [ -e {both[1]} ]; do sleep 0.01; done"
        show = f'echo "{name} of $BUILDKITE_JOB_LOG_TMPFILE"'
        jobs.append(plane.add_job("\n".join([meet, show, look.replace("LINE", name)])))
    agent = start("--spawn", "2", "--enable-job-log-tmpfile", "--job-log-path", str(folder))
    assert all(job.wait_finished() for job in jobs), agent.said
    assert [job.finish["exit_status"] for job in jobs] == ["0"] * 4
    files = [job.text.rpartition(" of ")[2].strip() for job in jobs]
    assert len(set(files)) == 4 and all(path.startswith(str(folder)) for path in files)


def test_a_job_has_no_such_variable_unless_asked_for(plane, start):
    job = plane.add_job('echo "is ${BUILDKITE_JOB_LOG_TMPFILE-unset}"')
    start("--disconnect-after-job").wait()
    assert job.text.endswith("is unset\n")


def test_a_copy_of_each_log_stays_as_it_was_sent(plane, start, tmp_path):
    folder = tmp_path / "kept" / "logs"
    env = {"BUILDKITE_PIPELINE_SLUG": "wid/gets", "BUILDKITE_BUILD_NUMBER": "12", "MY_SECRET": "open sesame"}
    job = plane.add_job('echo "$MY_SECRET"', env=env)
    agent = start("--job-log-dir", str(folder), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    copy = folder / f"wid_gets-12-{job.id}.log"
    assert copy.read_bytes() == job.raw
    assert b"open sesame" not in job.raw
    assert stat.S_IMODE(copy.stat().st_mode) == 0o640


def test_a_job_that_is_refused_has_its_copy_too(plane, start, tmp_path):
    job = plane.add_job("true", env={"BUILDKITE_REPO": "https://elsewhere/x", "BUILDKITE_BUILD_NUMBER": "1"})
    start("--allowed-repositories", "^none$", "--job-log-dir", str(tmp_path / "l"), "--disconnect-after-job").wait()
    (copy,) = (tmp_path / "l").iterdir()
    assert copy.read_bytes() == job.raw and job.finish["exit_status"] == "-1"


@pytest.mark.parametrize("give_name", [os.symlink, os.link, lambda victim, name: os.mkfifo(name)])
def test_a_copy_is_not_written_into_what_another_user_put_in_its_place(plane, start, tmp_path, give_name):
    victim, folder = tmp_path / "victim", tmp_path / "logs"
    victim.write_bytes(b"precious")
    os.chmod(victim, 0o600)
    folder.mkdir()
    job = plane.add_job("echo works", env={"BUILDKITE_PIPELINE_SLUG": "w", "BUILDKITE_BUILD_NUMBER": "1"})
    give_name(str(victim), str(folder / f"w-1-{job.id}.log"))
    agent = start("--job-log-dir", str(folder), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("works\n") and "the copy of this log in" in job.text
    assert victim.read_bytes() == b"precious" and stat.S_IMODE(victim.stat().st_mode) == 0o600


def test_copies_go_when_their_time_is_over_and_nothing_else_does(plane, start, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    old, new, other = (folder / name for name in ("w-1-01234567-89ab.log", "w-2-01234567-89ab.log", "notes.log"))
    for path in (old, new, other):
        path.write_text("x", encoding="ascii")
    for path in (old, other):
        os.utime(path, (1, 1))
    plane.add_job("true")
    start("--job-log-dir", str(folder), "--job-log-retention", "1h", "--disconnect-after-job").wait()
    left = set(folder.iterdir())
    assert {new, other} < left and old not in left


def test_a_refused_job_is_refused_by_name_though_its_copy_cannot_be_written(plane, start, tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    job = plane.add_job("true", env={"BUILDKITE_REPO": "https://elsewhere/x"})
    flags = ("--allowed-repositories", "^none$", "--job-log-dir", str(tmp_path / "file" / "logs"))
    agent = start(*flags, "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert "has no match in" in job.text and job.finish["signal_reason"] == "agent_refused"
    assert "the copy of a log in" in agent.said


def test_a_copy_that_cannot_be_written_is_told_of_and_costs_nothing_else(plane, start, tmp_path):
    (tmp_path / "file").write_text("", encoding="ascii")
    job = plane.add_job("echo works")
    agent = start("--job-log-dir", str(tmp_path / "file" / "logs"), "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.text.endswith("works\n") and "the copy of this log in" in job.text


@pytest.mark.parametrize("flags", [(), ("--no-ansi-timestamps",), ("--no-ansi-timestamps", "--timestamp-lines")])
def test_standard_output_shows_what_jobs_print_without_times(plane, start, flags):
    job = plane.add_job("printf 'one\\n[not a time] two\\nlast'")
    agent = start("--write-job-logs-to-stdout", "--disconnect-after-job", *flags)
    assert agent.wait() == 0, agent.said
    assert agent.said.replace("\r", "").count("\none\n[not a time] two\nlast") == 1
    assert "\n~~~ Running commands" in agent.said and "\x1b_bk;t=" not in agent.said
    assert job.finish["exit_status"] == "0"


def test_standard_output_as_json_has_a_line_for_each_with_what_is_known_of_the_job(plane, start):
    env = {
        "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "widgets", "BUILDKITE_BUILD_NUMBER": "7",
        "BUILDKITE_BUILD_URL": "http://ci/7",
    }  # fmt: skip
    job = plane.add_job("printf 'one\\ntwo'", env=env)
    agent = start("--write-job-logs-to-stdout", "--log-format", "json", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    lines = [json.loads(line) for line in agent.said.splitlines() if line.startswith("{")]
    shown = [line for line in lines if line.get("source") == "job"]
    assert [line["msg"] for line in shown[-2:]] == ["one", "two"]
    assert shown[-1]["job_url"] == f"http://ci/7#{job.id}" and shown[-1]["level"] == "INFO"


def test_an_agent_that_goes_on_with_a_job_shows_it_as_well(plane, start, tmp_path):
    go = tmp_path / "go"
    job = plane.add_job(f"echo first; until [ -e {go} ]; do sleep 0.05; done; echo second")
    agent = start()
    assert job.wait_printed(b"first\r")
    taken = tmp_path / "agent" / ".buildkite-agent" / "bkagent" / "spool" / job.id / "chunks"
    size = len(job.raw)
    assert plane.wait_for(lambda: journal.acknowledged_bytes(str(taken)) >= size)
    agent.kill()
    other = start("--write-job-logs-to-stdout")
    assert other.wait_said("taking over job")
    go.touch()
    assert job.wait_finished() and other.wait_said("second")
    assert "first" not in other.said  # the one before has shown that
    assert other.wait_said(f"Finished job {job.id} of an earlier agent with exit status 0")
