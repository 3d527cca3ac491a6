"""The names in a job's environment: those of the reference and those that docs/differences.md declares, no others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Set

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane
from tests.whole.running import Repository

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="hooks of POSIX shells")
TOP = Path(__file__).resolve().parents[2]

# What buildkite-agent 3.137.0 adds to the variables that the server sends and those that its own process has.
REFERENCE = {
    "BUILDKITE_" + name
    for name in (
        "ADDITIONAL_HOOKS_PATHS", "AGENT_ACCESS_TOKEN", "AGENT_DEBUG", "AGENT_DEBUG_HTTP", "AGENT_DISABLE_WARNINGS_FOR",
        "AGENT_ENDPOINT", "AGENT_EXPERIMENT", "AGENT_JOB_API_SOCKET", "AGENT_JOB_API_TOKEN", "AGENT_JOB_TIMEOUT_FILE",
        "AGENT_PID", "BIN_PATH", "BUILD_CHECKOUT_PATH", "BUILD_PATH", "CANCEL_GRACE_PERIOD", "CHECKOUT_ATTEMPTS",
        "CHECKOUT_OVERRIDE_MODE", "COMMAND_EVAL", "CONFIG_PATH", "ENV_FILE", "ENV_JSON_FILE", "GIT_CHECKOUT_FLAGS",
        "GIT_CLEAN_FLAGS", "GIT_CLONE_FLAGS", "GIT_CLONE_MIRROR_FLAGS", "GIT_COMMIT_VERIFICATION", "GIT_FETCH_FLAGS",
        "GIT_MIRRORS_LOCK_TIMEOUT", "GIT_MIRRORS_PATH", "GIT_MIRRORS_SKIP_UPDATE", "GIT_MIRROR_CHECKOUT_MODE",
        "GIT_REMOTE_MIRROR_URL", "GIT_SPARSE_CHECKOUT_MODE", "GIT_SPARSE_CHECKOUT_PATHS", "GIT_SUBMODULE_CLONE_CONFIG",
        "HOOKS_PATH", "HOOKS_SHELL", "JOB_LOGS_OTLP", "LOCAL_HOOKS_ENABLED", "NO_HTTP2", "PLUGINS_ENABLED",
        "PLUGINS_PATH", "PLUGIN_VALIDATION", "REDACTED_VARS", "SHELL", "SIGNAL_GRACE_PERIOD_SECONDS", "SOCKETS_PATH",
        "SSH_KEYSCAN", "STRICT_SINGLE_HOOKS", "TRACE_CONTEXT_ENCODING",
    )
} | {"GIT_TERMINAL_PROMPT", "TERM"}  # fmt: skip
# And what it has added to them later on, or for one kind of process.
AFTER_A_HOOK, AFTER_THE_COMMAND = {"BUILDKITE_LAST_HOOK_EXIT_STATUS"}, {"BUILDKITE_COMMAND_EXIT_STATUS"}
OF_PLUGINS = {"BUILDKITE_PLUGIN_CONFIGURATION", "BUILDKITE_PLUGIN_NAME", "BUILDKITE_PLUGIN_MINE_GIT_A"}
OF_PROCESSES = {"PWD"}
OF_THE_SHELL = {"PWD", "SHLVL", "_", "OLDPWD"}  # the hooks' own

BEFORE = ("environment", "pre-checkout", "post-checkout", "pre-command")
AFTER = ("post-command", "pre-artifact", "post-artifact", "pre-exit")


def declared() -> Dict[str, str]:
    """Return the variables that differences.md names, and where they are."""
    section = (
        (TOP / "docs" / "differences.md").read_text(encoding="utf-8").partition("### Additional variables of a job")[2]
    )
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section.partition("\n### ")[0], re.MULTILINE))


@pytest.mark.parametrize("is_configured", [False, True])
def test_a_job_has_the_names_of_the_reference_and_the_declared_ones(
    archive: str, plane: FakeControlPlane, tmp_path: Path, is_configured: bool
) -> None:
    seen, hooks = tmp_path / "seen", tmp_path / "hooks"
    seen.mkdir()

    def lines(who: str, phase: str) -> str:
        place = f"{seen}/{who}.{phase}"
        return f"env -0 >{place}; buildkite-agent env get --format json >{place}.api\n"

    places = {"hooks": "agent", ".buildkite/hooks": "repository", "vendored/hooks": "vendored"}
    files = {f"{folder}/{phase}": lines(who, phase) for folder, who in places.items() for phase in (*BEFORE, *AFTER)}
    agents = {name: text for name, text in files.items() if name.startswith("hooks/")}
    repository = Repository(tmp_path / "repository", files={n: text for n, text in files.items() if n not in agents})
    plugin = Repository(
        tmp_path / "mine.git", files={name: text.replace("/agent.", "/plugin.") for name, text in agents.items()}
    )
    shutil.copytree(str(plugin.folder / "hooks"), str(hooks))
    for name, text in agents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    sent = {
        "BUILDKITE_REPO": str(repository.folder), "BUILDKITE_SKIP_CHECKOUT": "false", "BUILDKITE_ARTIFACT_PATHS": "x",
        "BUILDKITE_PLUGINS": json.dumps([{f"file://{plugin.folder}": {"a": "b"}}, {"./vendored": None}]),
        "BUILDKITE_COMMIT_RESOLVED": "true",
    }  # fmt: skip
    job = plane.add_job(lines("command", "command"), sent)
    flags = ["--protected-environment-variables", "NOTHING", "--protect-dangerous-git-environment-variables"]
    agent = AgentProcess(
        tmp_path / "agent", plane.endpoint, "--hooks-path", str(hooks), "--plugins-path", str(tmp_path / "plugins"),
        "--disconnect-after-job", *(flags if is_configured else []), program=(sys.executable, archive),
    )  # fmt: skip
    with agent:
        assert agent.wait() == 0 and job.finish["exit_status"] == "0", job.text
    own = set(job.env) | {name for name in os.environ if not name.startswith("BUILDKITE")} | {
        "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "HOME", "PATH"
    }  # fmt: skip
    usual = own | REFERENCE
    extra = {name for name, where in declared().items() if is_configured or "if the agent" not in where}
    in_processes = {name for name in extra if "not in the Job API" in declared()[name]}
    assert len(list(seen.iterdir())) == 2 * (1 + 2 * 8 + 6 + 6)
    for path in sorted(seen.iterdir()):
        who, phase = path.name.split(".")[:2]
        later = AFTER_THE_COMMAND if phase in AFTER else set()
        if not (who == "agent" and phase == "environment"):
            later = later | AFTER_A_HOOK
        if path.suffix == ".api":
            names = set(json.loads(path.read_bytes()))
            assert names == usual | later | (extra - in_processes), path.name
            continue
        names = {item.partition(b"=")[0].decode() for item in path.read_bytes().split(b"\0") if item}
        if who in ("plugin", "vendored"):
            later = later | (OF_PLUGINS if who == "plugin" else OF_PLUGINS - {"BUILDKITE_PLUGIN_MINE_GIT_A"})
        assert names - OF_THE_SHELL == (usual | later | extra) - OF_THE_SHELL, path.name


def shells() -> List[List[str]]:
    known = [["dash"], ["bash", "--posix"], ["busybox", "ash"], ["ksh"], ["mksh"], ["yash"], ["sh"]]
    return [words for words in known if shutil.which(words[0])]


STARTS: Dict[str, Mapping[str, str]] = {
    "nothing": {},
    "a shell's": {"PWD": "{cwd}", "OLDPWD": "/", "SHLVL": "1", "_": "/usr/bin/env"},
    "nonsense": {"PWD": "/no/such/folder", "OLDPWD": "", "SHLVL": "many", "_": "of two\nlines = x"},
    "some": {"PWD": "{cwd}", "NOT_PWD": "\nPWD=not this"},
}
SHELLS_OWN: Set[str] = {"PWD", "OLDPWD", "SHLVL", "_"}
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="declared elsewhere")


@LINUX
@pytest.mark.parametrize("start", STARTS)
def test_env_dump_shows_what_the_program_was_started_with(archive: str, tmp_path: Path, start: str) -> None:
    given = {name: text.format(cwd=tmp_path) for name, text in STARTS[start].items()}
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **given}
    for words in ([archive], *([*shell, archive] for shell in shells())):
        done = subprocess.run([*words, "env", "dump"], env=env, cwd=str(tmp_path), stdout=subprocess.PIPE, check=True)
        dumped = json.loads(done.stdout)
        assert {name: dumped[name] for name in dumped if name in SHELLS_OWN | set(given)} == given, words
        assert not [name for name in dumped if name.startswith(("BKAGENT", "__bk"))]


@LINUX
def test_a_job_by_hand_has_what_the_program_was_started_with(archive: str, tmp_path: Path) -> None:
    job = {
        "REPO": "none", "COMMIT": "HEAD", "BRANCH": "main", "PIPELINE_PROVIDER": "git", "BUILD_PATH": str(tmp_path),
        "AGENT_NAME": "a", "ORGANIZATION_SLUG": "o", "PIPELINE_SLUG": "p", "JOB_ID": "j", "SKIP_CHECKOUT": "true",
        "COMMAND": f"{archive} env get --format json >{tmp_path}/api",
    }  # fmt: skip
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "SHLVL": "7", "_": "under"}
    env.update({"BUILDKITE_" + name: text for name, text in job.items()})
    subprocess.run([archive, "bootstrap"], env=env, cwd=str(tmp_path), stdout=subprocess.DEVNULL, check=True)
    shown = json.loads((tmp_path / "api").read_bytes())
    assert {name: shown[name] for name in shown if name in SHELLS_OWN} == {"SHLVL": "7", "_": "under"}


@LINUX
@pytest.mark.parametrize("start", ["nothing", "nonsense"])
def test_jobs_of_an_agent_have_what_the_agent_was_started_with(
    archive: str, plane: FakeControlPlane, tmp_path: Path, start: str
) -> None:
    given = {name: text for name, text in STARTS[start].items() if "\n" not in text}
    job = plane.add_job('printf "api %s\\n" "$(buildkite-agent env get --format json)"; echo "in $PWD"')
    for name in SHELLS_OWN:
        os.environ.pop(name, None)
    flag = "--disconnect-after-job"
    with AgentProcess(tmp_path / "agent", plane.endpoint, flag, program=(archive,), env=given) as agent:
        assert agent.wait() == 0, agent.said
    (line,) = [line for line in job.text.splitlines() if line.startswith("api ")]
    shown = json.loads(line[4:])
    assert {name: shown[name] for name in shown if name in SHELLS_OWN} == given
    assert shown["TERM"] == "xterm-256color"
    assert f"in {tmp_path}/agent/builds/tester/acme/widgets" in job.text.splitlines()


@LINUX
def test_pipelines_see_what_the_program_was_started_with(archive: str, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("steps: [{command: 'echo ${PWD-none} ${SHLVL-none} $${PWD}'}]\n")
    for given, seen in (({}, "echo none none ${PWD}"), ({"PWD": "/a", "SHLVL": "3"}, "echo /a 3 ${PWD}")):
        env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **given}
        words = [archive, "pipeline", "upload", "--dry-run", "--job", "j", "--agent-access-token", "t", "p.yml"]
        done = subprocess.run(words, env=env, cwd=str(tmp_path), stdout=subprocess.PIPE, check=True)
        assert json.loads(done.stdout)["steps"][0]["command"] == seen
