"""What a job may not set: by its variables, the hooks of its repository, its plugins, the Job API."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from bkagent.config.variables import dangerous_variables
from tests.fakes.control_plane import FakeControlPlane, FakeJob
from tests.whole.running import Repository, Start, bkagent

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="hooks of POSIX shells")

# Written as JSON by a program that shows what it was given; -S -E: none of the variables steers it.
SHOW = f"#!/bin/sh\nexec {sys.executable} -S -E -c 'import json, os; print(\"ENV=\" + json.dumps(dict(os.environ)))'\n"


def names_of(groups) -> List[str]:
    """Return every name of some groups, an X for each `*`."""
    return [name.replace("*", "X") for group in groups for name in group.names]


def environment_of(job: FakeJob) -> Dict[str, str]:
    """Return what the command of a job was given, as it printed it."""
    (line,) = (line for line in job.text.splitlines() if line.startswith("ENV="))
    shown: Dict[str, str] = json.loads(line[4:])
    return shown


def of(repository: Repository, **more: str) -> Dict[str, str]:
    """Return the variables of a job of a repository."""
    commit = repository.git("rev-parse", "HEAD")
    return {
        "BUILDKITE_REPO": str(repository.folder), "BUILDKITE_COMMIT": commit, "BUILDKITE_SKIP_CHECKOUT": "false",
        **more,
    }  # fmt: skip


def executable(repository: Repository, *paths: str) -> Repository:
    for path in paths:
        (repository.folder / path).chmod(0o755)
    repository.git("commit", "-qam", "executable")
    return repository


OWN_HOOK = "export PERL5OPT=-d GIT_PAGER=odd EDITOR=true TOOL=mine PATH=/mine:$PATH\n"


def test_without_command_lines_no_variable_of_a_job_runs_anything(
    plane: FakeControlPlane, start: Start, tmp_path: Path
) -> None:
    repository = executable(
        Repository(
            tmp_path / "code",
            files={
                "show": SHOW, "marks": f"#!/bin/sh\ntouch {tmp_path}/ran\n",
                ".buildkite/hooks/pre-command": OWN_HOOK,
            },
        ),
        "show", "marks",
    )  # fmt: skip
    marks = str(repository.folder / "marks")
    evil = dict.fromkeys(names_of(dangerous_variables.GROUPS), marks)
    evil.update(BASH_ENV=marks, GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.fsmonitor", GIT_CONFIG_VALUE_0=marks)
    evil.update(PATH=f"{tmp_path}:{os.environ['PATH']}", GIT_TEST_FSMONITOR=f"{marks};", GITPERLLIB=marks)
    kept = {"PAGER": "cat", "PYTHONUNBUFFERED": "1", "LD_SDK_KEY": "flags"}
    job = plane.add_job("show", of(repository, **{**evil, **kept}))
    agent = start("--no-command-eval", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    shown = environment_of(job)
    assert not (tmp_path / "ran").exists()
    assert [name for name in evil if marks in shown.get(name, "")] == []
    assert {name: shown.get(name) for name in kept} == kept and shown["TOOL"] == "mine"
    assert str(tmp_path) not in shown["PATH"].split(":") and shown["PATH"].startswith("/mine:")
    assert (shown.get("PERL5OPT"), shown.get("GIT_PAGER"), shown["EDITOR"]) == (None, None, "true")
    closed = {*evil, "PERL5OPT", "GIT_PAGER"} - set(kept)
    assert closed <= set(shown["BUILDKITE_IGNORED_ENV"].split(","))
    assert "Ignored BASH_ENV" in job.text and "the affected vars are: [GIT_PAGER PERL5OPT]" in job.text


def test_without_command_lines_no_program_outside_the_repository_runs(
    plane: FakeControlPlane, start: Start, tmp_path: Path
) -> None:
    repository = executable(Repository(tmp_path / "code", files={"show": SHOW}), "show")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "program").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "outside" / "program").chmod(0o755)
    paths = ("BUILDKITE_DOCKER_FILE", "BUILDKITE_DOCKER_COMPOSE_FILE", "TEMP", "TMP")
    more = {"BUILDKITE_BOOTSTRAP_PHASES": "command", "BUILDKITE_BUILD_CHECKOUT_PATH": str(tmp_path / "outside")}
    more.update(dict.fromkeys(paths, "/elsewhere"))
    job = plane.add_job("program", of(repository, **more))
    agent = start("--no-command-eval", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "1" and not (tmp_path / "ran").exists(), job.text
    assert all(f"Ignored {name}" in job.text for name in more), job.text
    assert "not allowed to evaluate console commands" in job.text


@pytest.mark.parametrize("path", ["sub/NAME", ".git/refs/heads/NAME", ".git/HEAD"])
def test_without_command_lines_a_script_is_a_path_and_nothing_more(
    plane: FakeControlPlane, start: Start, tmp_path: Path, path: str
) -> None:
    name = f"$(touch${{IFS}}{tmp_path}/ran)"
    repository = Repository(tmp_path / "code", files={f"sub/{name}": "#!/bin/sh\n"})
    job = plane.add_job(path.replace("NAME", name), of(repository, BUILDKITE_REFSPEC=f"'main:refs/heads/{name}'"))
    agent = start("--no-command-eval", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "1" and not (tmp_path / "ran").exists(), job.text
    assert "the path of a script may have letters, digits" in job.text


HOOK = """
export GIT_SSH_COMMAND=hook ONE=hook DEPLOY_KEY=hook OPEN=hook
unset GIT_ASKPASS
"""
PLUGIN_HOOK = 'export GIT_DIR=plugin; echo "told: $BUILDKITE_PLUGIN_P_MODE."\n'
COMMAND = """
./show
buildkite-agent env set GIT_SSH=api OPEN2=api || echo "set: $?"
buildkite-agent env unset ONE || echo "unset: $?"
buildkite-agent env set OPEN2=api && buildkite-agent env get OPEN2
"""


@pytest.mark.parametrize("compat", ["3", "4"])
def test_protected_variables_are_the_agents_alone(
    plane: FakeControlPlane, start: Start, tmp_path: Path, compat: str
) -> None:
    repository = executable(
        Repository(
            tmp_path / "code",
            files={
                "show": SHOW, ".buildkite/hooks/pre-command": HOOK,
                ".buildkite/plugins/p/hooks/pre-command": PLUGIN_HOOK,
            },
        ),
        "show",
    )  # fmt: skip
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "environment").write_text("export GIT_SSH_COMMAND='ssh -4' GIT_ASKPASS=/agents ONE=agent\n")
    config = tmp_path / "agent.cfg"
    config.write_text(
        "protect-dangerous-git-environment-variables=true\n"
        'protected-environment-variables="ONE,DEPLOY_*,BUILDKITE_PLUGIN_P_MODE"\n'
    )
    evil = dict.fromkeys([*names_of(dangerous_variables.GITS), "ONE", "DEPLOY_TOKEN"], "job")
    off = {
        "BUILDKITE_PROTECTED_ENVIRONMENT_VARIABLES": "",
        "BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES": "false",
    }  # fmt: skip
    plugins = json.dumps([{"./.buildkite/plugins/p": {"mode": "privileged"}}])
    job = plane.add_job(COMMAND, of(repository, BASH_ENV="/dev/null", BUILDKITE_PLUGINS=plugins, **evil, **off))
    agent = start("--config", str(config), "--hooks-path", str(hooks), "--compat", compat, "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    shown = environment_of(job)
    assert {name for name in evil if shown.get(name) in ("job", "hook", "plugin")} == set()
    assert "DEPLOY_KEY" not in shown and shown["OPEN"] == "hook" and shown["BASH_ENV"] == "/dev/null"
    assert shown["GIT_SSH_COMMAND"].startswith("ssh") and "-4" in shown["GIT_SSH_COMMAND"]
    assert (shown["GIT_ASKPASS"], shown["ONE"]) == ("/agents", "agent")
    closed = {*evil, *off, "DEPLOY_KEY", "GIT_DIR", "BUILDKITE_PLUGIN_P_MODE"}
    assert closed <= set(shown["BUILDKITE_IGNORED_ENV"].split(","))
    assert "told: ." in job.text
    assert "protected, and cannot be modified: [GIT_SSH]" in job.text and "set: 1" in job.text
    assert "protected, and cannot be modified: [ONE]" in job.text and "unset: 1" in job.text
    assert "\napi\n" in job.text
    assert "Ignored GIT_PROXY_COMMAND" in job.text
    assert "can be set by the agent's own hooks and in the environment of the agent only" in job.text


def test_what_the_job_is_described_by_to_containers_lacks_what_is_protected(
    plane: FakeControlPlane, start: Start
) -> None:
    evil = {"GIT_SSH_COMMAND": "evil", "GIT_SSH=evil": "x", "A\nGIT_SSH": "evil", "": "evil"}
    job = plane.add_job('cat "$BUILDKITE_ENV_FILE" "$BUILDKITE_ENV_JSON_FILE"', {**evil, "B": "b"})
    agent = start("--protected-environment-variables=X,GIT_SSH*", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert 'B="b"' in job.text and "evil" not in job.text.replace("Ignored GIT_SSH=evil", "")
    assert all(f"Ignored {name}\x1b" in job.text for name in ("GIT_SSH_COMMAND", "GIT_SSH=evil", "A\\nGIT_SSH", '""'))


def test_no_job_chooses_the_program_that_stands_in_for_the_agents(
    plane: FakeControlPlane, start: Start, tmp_path: Path
) -> None:
    program = tmp_path / "mine"
    program.write_text(f"#!/bin/sh\necho called >> {tmp_path}/called\n")
    program.chmod(0o755)
    job_id, name = "1111-1111-1111-1111", "BUILDKITE_OVERRIDE_SELF"
    env = {"BUILDKITE_JOB_ID": job_id, name: str(program), "BUILDKITE_ARTIFACT_PATHS": "none"}
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "environment").write_text(f"export {name}={program}\n")
    job = plane.add_job("true", env)
    agent = start("--disconnect-after-job", "--hooks-path", str(tmp_path / "hooks"))
    assert agent.wait() == 0, agent.said
    assert f"Ignored {name}" in job.text and not (tmp_path / "called").exists()
    job = plane.add_job("true", {**env, name: "/another"})
    agent = start("--disconnect-after-job", env={name: str(program)})
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0" and (tmp_path / "called").read_text() == "called\n", job.text


def test_a_job_by_hand_has_the_same_protection(archive: str, plane: FakeControlPlane, tmp_path: Path) -> None:
    hook = {"show": SHOW, ".buildkite/hooks/pre-command": "export ONE=hook GIT_SSH=hook OPEN=hook\n"}
    repository = executable(Repository(tmp_path / "code", files=hook), "show")
    job = plane.add_job("./show", of(repository, ONE="mine"))
    env = {
        **job.env, "BUILDKITE_AGENT_ENDPOINT": plane.endpoint, "BUILDKITE_AGENT_ACCESS_TOKEN": job.token,
        "HOME": str(tmp_path), "BUILDKITE_PROTECT_DANGEROUS_GIT_ENVIRONMENT_VARIABLES": "true",
    }  # fmt: skip
    words = ["bootstrap", "--build-path", str(tmp_path / "builds"), "--sockets-path", str(tmp_path / "s")]
    done = bkagent(archive, *words, "--protected-environment-variables", "ONE", cwd=tmp_path, env=env)
    assert done.status == 0, done.text
    (line,) = (line for line in done.out.splitlines() if line.startswith("ENV="))
    shown = json.loads(line[4:])
    assert (shown["ONE"], shown.get("GIT_SSH"), shown["OPEN"]) == ("mine", None, "hook")
    done = bkagent(archive, *words, "--protected-environment-variables", "^ONE$", cwd=tmp_path, env=env)
    assert done.status == 1 and "Traceback" not in done.text
    assert "protected-environment-variables must be names of variables such as" in done.text, done.text


@pytest.mark.parametrize("flags", [(), ("--bootstrap-script", "{python} {archive} bootstrap")])
def test_no_variable_of_a_job_stands_for_others(
    archive: str, plane: FakeControlPlane, start: Start, tmp_path: Path, flags: Tuple[str, ...]
) -> None:
    repository = executable(Repository(tmp_path / "code", files={"show": SHOW}), "show")
    others = f"BUILDKITE_COMMAND_EVAL=true\nBASH_ENV={tmp_path}/evil\nGIT_SSH_COMMAND=evil\nOPEN=evil\nSHLVL=7"
    job = plane.add_job("show", of(repository, BKAGENT_STARTED_WITH=others))
    words = [flag.format(python=sys.executable, archive=archive) for flag in flags]
    agent = start("--no-command-eval", "--disconnect-after-job", *words)
    assert agent.wait() == 0, agent.said
    shown = environment_of(job)
    assert shown["BUILDKITE_COMMAND_EVAL"] == "false", job.text
    assert {name for name in ("BASH_ENV", "GIT_SSH_COMMAND", "OPEN") if name in shown} == set()
