"""A new option is one row and one use: a copy of the tree gets one of jobs and one of the agent's session.

All that follows from a row is there: help, reference page, configuration file, and its value where it is used.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from tests.conftest import TOP
from tests.fakes import job_environments
from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane

NAME = "BUILDKITE_GIT_GREETING"
ROW = f"""GIT_GREETING = Option(
    "git-greeting",
    TEXT,
    "good day",
    env=("{NAME}",),
    help="What is said before a command.",
    job=variable.JobVariable(
        open_to=variable.BY_MODE, place_in_file=variable.UNPLACED, field="greeting", follows_hooks=True
    ),
)
"""
SESSION_ROW = """FAREWELL = Option(
    "farewell", TEXT, "so long", env=("BUILDKITE_AGENT_FAREWELL",), help="What is said before the agent leaves."
)
"""
USE = """job.log.comment(f"Greeting: {job.refreshed.checkout.greeting}")"""
SESSION_USE = """self._report("notice", f"Farewell: {self._settings[session_options.FAREWELL]}")"""
# File, the text that the new one goes before, and the new one.
CHANGES = (
    ("bkagent/config/options/checkout.py", "CHECKOUT = tuple(", ROW),
    ("bkagent/job/phases/command.py", "error = _run_command(job)", USE + "\n    "),
    ("bkagent/config/options/session.py", "# Every one that is named above.", SESSION_ROW),
    ("bkagent/agent/worker.py", """self._report("info", "Disconnecting...", """, SESSION_USE + "\n            "),
)
HOOK = {"hooks/environment": [f"export {NAME}='of a hook'"]}
LISTS_NAMES = ["--experiment", "propagate-agent-config-vars"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the tree with both options."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("bkagent", "packaging", "docs"):
        # With the compiled files, which stay valid: each process would compile all it loads.
        shutil.copytree(Path(TOP) / name, copy / name)
    for name, before, new in CHANGES:
        path = copy / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path.write_text(text.replace(before, new + before), encoding="utf-8")
    return copy


def _run(tree: Path, *argv: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run([sys.executable, *argv], cwd=tree, env=env, stdout=subprocess.PIPE, encoding="utf-8")
    assert done.returncode == 0
    return done.stdout


def _job(tree: Path, root: Path, **situation: Any) -> "Tuple[Dict[str, Any], str]":
    situation["agent"] = {"PYTHONPATH": str(tree)}
    return job_environments.run_with_log([sys.executable, "-m", "bkagent"], situation, root)


@pytest.mark.parametrize("command", ["start", "bootstrap"])
def test_help_and_the_reference_page_show_it(tree: Path, command: str) -> None:
    assert "--git-greeting" in _run(tree, "-m", "bkagent", command, "--help")
    _run(tree, str(tree / "packaging" / "tasks.py"), "reference")
    page = (tree / "docs" / "reference" / f"{command}.md").read_text(encoding="utf-8")
    assert f"| `--git-greeting TEXT` | `good day` | `{NAME}` | What is said before a command. |" in page


def test_a_job_is_told_its_default_and_uses_it(tree: Path, tmp_path: Path) -> None:
    shown, log = _job(tree, tmp_path / "r", flags=LISTS_NAMES)
    assert shown["command"][NAME] == "good day" and "Greeting: good day" in log
    assert shown["names in the env file"][-1] == NAME


def test_the_configuration_file_sets_it_and_the_control_plane_does_not(tree: Path, tmp_path: Path) -> None:
    shown, log = _job(tree, tmp_path / "r", config=['git-greeting="of the file"'], job={NAME: "of the job"})
    assert shown["command"][NAME] == "of the file" and "Greeting: of the file" in log
    assert shown["command"]["BUILDKITE_IGNORED_ENV"] == NAME
    assert NAME not in shown["names in the env file"]


def test_hooks_change_it_unless_the_mode_is_strict(tree: Path, tmp_path: Path) -> None:
    shown, log = _job(tree, tmp_path / "free", hooks=HOOK)
    assert shown["command"][NAME] == "of a hook" and "Greeting: of a hook" in log
    shown, log = _job(
        tree, tmp_path / "strict", hooks=HOOK, flags=["--skip-checkout", "--checkout-override-mode", "strict"]
    )
    assert shown["command"][NAME] == "good day" and "Greeting: good day" in log
    assert f"were blocked; the affected vars are: [{NAME}]" in log


def test_the_control_plane_sets_it_where_the_mode_is_none(tree: Path, tmp_path: Path) -> None:
    flags = ["--checkout-override-mode", "none"]
    shown, log = _job(tree, tmp_path / "r", flags=flags, job={NAME: "of the job"})
    assert shown["command"][NAME] == "of the job" and "Greeting: of the job" in log
    assert "BUILDKITE_IGNORED_ENV" not in shown["command"]


def test_help_and_the_reference_page_of_start_alone_show_a_session_option(tree: Path) -> None:
    assert "--farewell" in _run(tree, "-m", "bkagent", "start", "--help")
    assert "--farewell" not in _run(tree, "-m", "bkagent", "bootstrap", "--help")
    _run(tree, str(tree / "packaging" / "tasks.py"), "reference")
    page = (tree / "docs" / "reference" / "start.md").read_text(encoding="utf-8")
    row = "| `--farewell TEXT` | `so long` | `BUILDKITE_AGENT_FAREWELL` | What is said before the agent leaves. |"
    assert row in page


@pytest.mark.parametrize(
    ("line", "farewell"), [("", "so long"), ('farewell="of the file"', "of the file")], ids=["default", "file"]
)
def test_the_agent_uses_a_session_option(tree: Path, tmp_path: Path, line: str, farewell: str) -> None:
    file = tmp_path / "agent.cfg"
    file.write_text(line + "\n", encoding="utf-8")
    env = {"PYTHONPATH": str(tree)}
    with FakeControlPlane(ping_interval=0.2) as plane:
        plane.actions.append({"action": "disconnect"})
        with AgentProcess(tmp_path / "agent", plane.endpoint, "--config", str(file), env=env) as agent:
            assert agent.wait() == 0
            assert f"Farewell: {farewell}\n" in agent.said
