"""A defect leaves a report in the state folder and one line that names it; nothing of it reaches a job's log."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.broken_copy import BrokenCopy
from tests.fakes.control_plane import FakeControlPlane
from tests.whole.running import Running, wait_until

TOKEN = "tok-4711-of-nobody"
RAISE = "def {name}(*_, **__):\n    raise RuntimeError('broken on purpose with {secret}')\n"


@pytest.fixture
def copy(tmp_path: Path) -> BrokenCopy:
    return BrokenCopy(tmp_path / "code")


def reports(home: Path) -> "List[Path]":
    return sorted((home / ".buildkite-agent" / "bkagent").glob("crash-*.log"))


def run(copy: BrokenCopy, home: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    argv = [*copy.program(sys.executable), *words]
    environ = {**clean_environment(home), **env}
    return subprocess.run(
        argv, env=environ, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_a_defect_of_a_command_leaves_a_report_and_one_line_that_names_it(copy: BrokenCopy, tmp_path: Path) -> None:
    copy.append("cli/commands/secret_get.py", RAISE.format(name="broken", secret=TOKEN) + "COMMAND.run = broken\n")
    done = run(
        copy, tmp_path, "secret", "get", "key", "--job", "j", "--agent-access-token", TOKEN,
        "--endpoint", "http://me:hidden-word@127.0.0.1:9/v3", MY_PASSWORD="correct horse",
    )  # fmt: skip
    assert done.returncode == 1 and done.stdout == ""
    (path,) = reports(tmp_path)
    assert re.fullmatch(r"crash-\d{8}T\d{6}\.\d{6}Z\.log", path.name)
    line = f"internal error: RuntimeError: broken on purpose with [REDACTED]; the report is {path}"
    assert done.stderr == f"bkagent: fatal: {line}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text(encoding="utf-8")
    assert "bkagent: 3." in text and f"Python: {sys.version_info[0]}." in text and "platform: " in text
    assert "command line: bkagent secret get key --job j --agent-access-token [REDACTED] --endpoint http://me:" in text
    assert "Traceback (most recent call last):" in text and "in broken" in text
    assert TOKEN not in text and "hidden-word" not in text and "correct horse" not in text


def test_the_texts_of_a_build_stay_out_of_the_report(copy: BrokenCopy, tmp_path: Path) -> None:
    for name in ("redactor_add", "env_set"):
        copy.append(f"cli/commands/{name}.py", RAISE.format(name="broken", secret="") + "COMMAND.run = broken\n")
    run(copy, tmp_path, "redactor", "add", "a-secret-file", "--agent-access-token", TOKEN)
    run(copy, tmp_path, "env", "set", "API_TOKEN=letmein-please")
    texts = "".join(path.read_text(encoding="utf-8") for path in reports(tmp_path))
    assert "redactor add (3 more words)" in texts and "env set (1 more words)" in texts
    assert TOKEN not in texts and "a-secret-file" not in texts and "letmein-please" not in texts


def test_the_oldest_report_goes_when_there_are_more_than_twenty(copy: BrokenCopy, tmp_path: Path) -> None:
    copy.append(
        "cli/commands/acknowledgements.py",
        RAISE.format(name="broken", secret="") + "def many(call):\n"
        "    from bkagent.cli import main\n"
        "    COMMAND.run = broken\n"
        "    return [main.main(['acknowledgements'], call.environ) for _ in range(25)][-1]\n"
        "COMMAND.run = many\n",
    )
    done = run(copy, tmp_path, "acknowledgements")
    named = re.findall(r"the report is (\S+)", done.stderr)
    assert len(named) == 25
    assert [str(path) for path in reports(tmp_path)] == named[-20:]


def test_a_state_folder_that_cannot_be_written_is_said_with_the_error(copy: BrokenCopy, tmp_path: Path) -> None:
    copy.append("cli/commands/spool_list.py", RAISE.format(name="broken", secret="") + "COMMAND.run = broken\n")
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    done = run(copy, tmp_path, "spool", "list", "--state-path", str(tmp_path / "file" / "state"))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "internal error: RuntimeError: broken on purpose with (spool_list.py, line " in line
    assert "no report of it could be written: " in line and str(tmp_path / "file") in line


def test_a_defect_of_a_job_process_is_named_by_the_agent_and_not_in_the_jobs_log(
    copy: BrokenCopy, tmp_path: Path, plane: FakeControlPlane
) -> None:
    copy.append("job/run.py", RAISE.format(name="run", secret="' + whole.settings.job_id + '").replace("*_", "whole"))
    job = plane.add_job("true", {"DEPLOY_TOKEN": "deep-secret-1"})
    with AgentProcess(tmp_path / "agent", plane.endpoint, program=copy.program(sys.executable)) as agent:
        assert job.wait_finished(), agent.said
        assert agent.wait_said("the report is "), agent.said
        said = agent.said
    (path,) = reports(tmp_path / "agent")
    assert said.count(str(path)) == 1 and said.count("internal error: RuntimeError: broken on purpose with ") == 1
    assert "fatal: internal error; see the agent's log for the path of the crash report" in job.text
    assert "RuntimeError" not in job.text and "Traceback" not in job.text and "crash-" not in job.text
    text = path.read_text(encoding="utf-8")
    assert "command line: bkagent job-process " in text and "in _run_phases" in text
    assert "deep-secret-1" not in text and "registration-token" not in text


def test_a_worker_with_a_defect_is_reported(copy: BrokenCopy, tmp_path: Path, plane: FakeControlPlane) -> None:
    copy.append("agent/worker.py", RAISE.format(name="broken", secret="") + "Worker.work = broken\n")
    with AgentProcess(tmp_path / "agent", plane.endpoint, program=copy.program(sys.executable)) as agent:
        assert agent.wait() == 1
        check_report(tmp_path / "agent", agent.said, "worker-1")


def test_a_thread_with_a_defect_is_reported(copy: BrokenCopy, tmp_path: Path, plane: FakeControlPlane) -> None:
    copy.append("agent/cleanup.py", RAISE.format(name="collect_kept", secret="registration-token"))
    with AgentProcess(tmp_path / "agent", plane.endpoint, program=copy.program(sys.executable)) as agent:
        assert agent.wait_said("the report is "), agent.said
        check_report(tmp_path / "agent", agent.said, "collecting")


def check_report(home: Path, said: str, thread: str) -> None:
    """Check that there is one report, of this thread and without the token, which the agent names once."""
    (path,) = reports(home)
    text = path.read_text(encoding="utf-8")
    assert f"thread {thread}\n" in text and said.count("the report is ") == 1
    assert "Traceback" not in said and "registration-token" not in said + text


def test_a_defect_of_a_servers_handler_is_reported_and_the_server_goes_on(copy: BrokenCopy, tmp_path: Path) -> None:
    import urllib.error
    import urllib.request

    copy.append("controlplane/web/server.py", RAISE.format(name="broken", secret="") + "Server._answer = broken\n")
    argv = [*copy.program(sys.executable), "server", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    with Running(argv, tmp_path, tmp_path / "said", env={"HOME": str(tmp_path)}) as server:
        assert wait_until(lambda: "http://" in server.said), server.said
        url = server.said.split()[0]
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(url + "/any?secret=in-the-query")
            assert refused.value.code == 500
            refused.value.close()
        assert wait_until(lambda: server.said.count("the report is ") == 2), server.said
        assert "in-the-query" not in server.said and "Traceback" not in server.said
    assert len(reports(tmp_path)) == 2


def test_a_defect_behind_the_jobs_socket_is_named_by_the_agent_and_the_job_goes_on(
    copy: BrokenCopy, tmp_path: Path, plane: FakeControlPlane
) -> None:
    copy.append("localapi/job_routes.py", RAISE.format(name="broken", secret="") + "JobRoutes.answer = broken\n")
    job = plane.add_job("buildkite-agent env get ANY || true; echo goes-$((1+1))-on")
    with AgentProcess(tmp_path / "agent", plane.endpoint, program=copy.program(sys.executable)) as agent:
        assert job.wait_finished(), agent.said
        assert agent.wait_said("the report is "), agent.said
    assert "failed by an internal error" in job.text and "goes-2-on" in job.text
    assert "broken on purpose" not in job.text and "crash-" not in job.text
    assert len(reports(tmp_path / "agent")) >= 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize("words", [("--help",), ("start", "--help"), ("config", "show")], ids=" ".join)
def test_an_output_on_a_full_disk_is_no_defect(tmp_path: Path, words: "List[str]") -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bkagent", *words], env=clean_environment(tmp_path), cwd=tmp_path,
            stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "bkagent: fatal: the output cannot be written: No space left on device\n"
    assert reports(tmp_path) == []
