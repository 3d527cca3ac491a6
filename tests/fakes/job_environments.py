"""Run one job in a given situation with any agent, and return the environments that it showed.

A situation is data (tests/data/job_environment.json): `flags` and `config` of the agent, variables of the agent
(`agent`) and of the job (`job`), its `step`, a `secret` that the control plane has, what it answers to a registration
(`registered`), `hooks` by path below the root, and whether it checks out (`checkout`). What it shows is a mapping of
variables for each place that dumped them, and of the env file.

Texts that differ from run to run are told by kind: `<root>`, `<server>`, `<commit>` and `<home>` within a text,
and `<path>`, `<number>`, `<token>` or `<id>` for the whole of one.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from tests.fakes.control_plane import PATIENCE_S, FakeControlPlane

JOB_ID = "01900000-0000-4000-8000-000000000001"
BUILD_ID = "01900000-0000-4000-8000-000000000002"
_KINDS = {
    "BUILDKITE_AGENT_PID": "<number>", "BUILDKITE_BIN_PATH": "<path>", "PATH": "<path>",
    "BUILDKITE_ENV_FILE": "<path>", "BUILDKITE_ENV_JSON_FILE": "<path>", "BUILDKITE_AGENT_JOB_API_SOCKET": "<path>",
    "BUILDKITE_AGENT_JOB_API_TOKEN": "<token>", "BUILDKITE_JOB_LOG_TMPFILE": "<path>", "_": "<path>",
    "BUILDKITE_AGENT_JOB_TIMEOUT_FILE": "<path>", "BKAGENT_JOB_MARK": "<id>", "_DD_ROOT_GO_SESSION_ID": "<id>",
}  # fmt: skip
_GIT = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}
_SCRIPT = '#!/bin/sh\nexec env -0 >"$DUMPS/$1"\n'


def run(program: Sequence[str], situation: Mapping[str, Any], root: Path) -> "Dict[str, Any]":
    """Return what an agent's job showed: a mapping of texts for each dump, and its env file."""
    return run_with_log(program, situation, root)[0]


def run_with_log(program: Sequence[str], situation: Mapping[str, Any], root: Path) -> "Tuple[Dict[str, Any], str]":
    """Return the same, and the job's log."""
    for name in ("builds", "dumps", "home", "hooks", "plugins", "s", "tmp"):
        (root / name).mkdir(parents=True)
    dump = root / "dump"
    _write(dump, _SCRIPT)
    commit = _make_repository(root, situation)
    with FakeControlPlane() as plane:  # in whole seconds, as every agent takes them
        plane.registered = dict(situation.get("registered", {}))
        texts = _Texts(root, plane, commit)
        job = plane.add_job(f'{dump} command; cp "$BUILDKITE_ENV_FILE" "$DUMPS/env-file"', texts.fill(_job(situation)))
        if situation.get("step"):
            job.step.update(situation["step"])
        plane.answers[f"GET jobs/{JOB_ID}/secrets"] = 200, situation.get("secret", {})
        for path, lines in situation.get("hooks", {}).items():
            if not path.startswith("repository/"):
                _write(root / path, "\n".join(["#!/bin/bash", *texts.fill_all(lines), ""]))
        config = root / "agent.cfg"
        config.write_text("".join(line + "\n" for line in texts.fill_all(situation.get("config", []))))
        given = _agent_environment(root, texts.fill(situation.get("agent", {})))
        argv = [
            *program, "start", "--endpoint", plane.endpoint, "--name", "tester", "--no-color", "--config", str(config),
            "--build-path", str(root / "builds"), "--sockets-path", str(root / "s"), "--hooks-path",
            str(root / "hooks"), "--plugins-path", str(root / "plugins"), "--disconnect-after-job",
            *texts.fill_all(situation.get("flags", [])),
        ]  # fmt: skip
        done = subprocess.run(
            argv, env=given, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
        )  # fmt: skip
        story = done.stdout.decode("utf-8", "replace") + job.text
        assert job.finish and job.finish["exit_status"] == "0", story
        shown = {**_dumps(root / "dumps", texts, given), **_env_file(root / "dumps" / "env-file", texts)}
        return shown, job.text


def _job(situation: Mapping[str, Any]) -> "Dict[str, str]":
    own = {
        "BUILDKITE_JOB_ID": JOB_ID, "BUILDKITE_BUILD_ID": BUILD_ID, "BUILDKITE_REPO": "<root>/repository",
        **situation.get("job", {}),
    }  # fmt: skip
    if not situation.get("checkout"):
        return own
    return {"BUILDKITE_COMMIT": "<commit>", "BUILDKITE_SKIP_CHECKOUT": "false", **own}


def _agent_environment(root: Path, variables: "Dict[str, str]") -> "Dict[str, str]":
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root / "home"), "TMPDIR": str(root / "tmp"),
        "LANG": "C.UTF-8", "DUMPS": str(root / "dumps"), "GIT_CONFIG_NOSYSTEM": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "BUILDKITE_AGENT_TOKEN": "registration-token", "MINE_OF_THE_AGENT": "kept", **variables,
    }  # fmt: skip


def _make_repository(root: Path, situation: Mapping[str, Any]) -> str:
    if not situation.get("checkout"):
        return ""
    repository = root / "repository"
    repository.mkdir()
    (repository / "README").write_text("for a job\n")
    for path, lines in situation.get("hooks", {}).items():
        if path.startswith("repository/"):
            _write(root / path, "\n".join(["#!/bin/bash", *lines, ""]))

    def git(*words: str) -> str:
        argv = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-C", str(repository), *words]
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root / "home"), "GIT_CONFIG_NOSYSTEM": "1", **_GIT}
        return subprocess.run(argv, env=env, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    return git("rev-parse", "HEAD")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class _Texts:
    """Puts the facts of one run into texts, and takes them out again."""

    def __init__(self, root: Path, plane: FakeControlPlane, commit: str) -> None:
        self._facts = [("<home>", str(root / "home")), ("<root>", str(root)), ("<server>", plane.url)]
        if commit:
            self._facts.append(("<commit>", commit))

    def fill(self, texts: Mapping[str, str]) -> "Dict[str, str]":
        return {name: self.fill_all([text])[0] for name, text in texts.items()}

    def fill_all(self, texts: Sequence[str]) -> "List[str]":
        filled = []
        for text in texts:
            for kind, fact in self._facts:
                text = text.replace(kind, fact)
            filled.append(text)
        return filled

    def told(self, text: str) -> str:
        for kind, fact in self._facts:
            text = text.replace(fact, kind)
            # The folder of a build has the repository's or the agent's path in its name.
            text = text.replace(re.sub("[^A-Za-z0-9]", "-", fact), kind)
        return text


def _dumps(folder: Path, texts: _Texts, given: Mapping[str, str]) -> "Dict[str, Dict[str, str]]":
    """Return each dump without what the agent was given and passed on unchanged; Buildkite's names are all there."""
    dumps = {}
    for path in sorted(folder.iterdir()):
        if path.name == "env-file":
            continue
        pairs = (text.partition("=") for text in path.read_bytes().decode("utf-8", "replace").split("\0") if text)
        shown = {
            name: _KINDS.get(name) or texts.told(value)
            for name, _, value in pairs
            if name.startswith(("BUILDKITE", "BKAGENT")) or given.get(name) != value
        }
        dumps[path.name] = dict(sorted(shown.items()))
    return dumps


def _env_file(path: Path, texts: _Texts) -> "Dict[str, Any]":
    """Return the job's own variables as they stand quoted there, and the names without a value in their order."""
    lines = [texts.told(line) for line in path.read_text(encoding="utf-8").splitlines()]
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {"env file": dict(sorted(pairs)), "names in the env file": [line for line in lines if "=" not in line]}
