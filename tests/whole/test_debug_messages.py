"""What `--debug` shows in an agent's messages and in its jobs' logs: a table of facts, none of which is a secret.

The facts are the reference's, seen by running it beside this agent; where it has a form of line, ours has it too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Tuple

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane, FakeJob
from tests.whole.running import Repository, Start

STEP_SECRET, HOOK_SECRET, PIPELINE_SECRET = "step-secret-Mj3", "hook-secret-Qz7", "pipeline-secret-Lw5"
NAMED, ROUTE = "named while it ran", "route-Ty8"
TICKET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
TOOK = r"Δ=[\d.]+(µs|ms|s)"


def request(method: str, path: str, status: int = 200, more: str = "") -> str:
    """Return the pattern of a request's two lines, which others may part."""
    what = rf"{method} http://[\d.:]+/v3/{path}"
    return rf"(?s)DEBUG  {what}\n.*DEBUG  ↳ {what} {more}status={status} {TOOK}\n"


OF_THE_AGENT = {
    "the command": r"DEBUG  Loaded config command=start\n",
    "folder of builds": r"DEBUG  Build path: /.*/builds\n",
    "folder of hooks": r"DEBUG  Hooks directory: /.*/hooks\n",
    "folder of plugins": r"DEBUG  Plugins directory: /.*/plugins\n",
    "registration": request("POST", "register"),
    "ping interval": r"DEBUG  Ping interval: 0.2s\n",
    "job status interval": r"DEBUG  Job status interval: 0.1s\n",
    "heartbeat interval": r"DEBUG  Heartbeat interval: 10s\n",
    "header of the server": r"DEBUG  Server-specified request header: Buildkite-Route\n",
    "a hook of the agent's life that is missing": r'DEBUG  Skipping agent-shutdown hook, no script in "/.*/hooks"\n',
    "one that is there": r"DEBUG  Running agent-startup hook /.*/hooks/agent-startup\n",
    "connect": request("POST", "connect"),
    "ping": request("GET", "ping"),
    "what a ping said": r'DEBUG  tester Got action "idle", jobID "[0-9a-f-]{36}" from ping\n',
    "states": r"DEBUG  tester Worker goes from pinging to running\n",
    "accept": request("PUT", "jobs/[0-9a-f-]+/accept"),
    "start": request("PUT", "jobs/[0-9a-f-]+/start"),
    "env file": r"DEBUG  tester Created env file \(shell format\): /.*/job-env-",
    "env file as JSON": r"DEBUG  tester Created env file \(JSON format\): /.*/job-env-json-",
    "process": r"DEBUG  tester Process of job [0-9a-f-]+ is running with PID: \d+\n",
    "log": request("POST", r"jobs/[0-9a-f-]+/chunks\?offset=0&sequence=1&size=\d+", 201),
    "job's end": r"DEBUG  tester Finishing job with exit_status=0, signal= and signal_reason=\n",
    "finish": request("PUT", "jobs/[0-9a-f-]+/finish"),
    "files that go": r"DEBUG  tester Deleted env files: /.*/job-env-",
    "disconnect": request("POST", "disconnect"),
}
HEADERS = r"DEBUG  headers of the request:\n  User-Agent: .*\n(  .*\n)*  Authorization: \[REDACTED\]\n"
COMMAND = r"\$ {}\n# \[Process\] Running {} a PTY\n# \[Process\] Process is running with PID: \d+\n"
ENDED = r"# Process with PID: \d+ finished with Exit Status: {}, Signal: nil\n# ↳ Command completed in [\d.]+m?s\n"
OF_THE_JOB = {
    "patterns": r"# Enabling output redaction for values of variables matching: \[\*_PASSWORD .*\*_API_KEY\]\n",
    "socket": r"~~~ Job API\nServer listening on /.*\.sock\n",
    "variables": r"~~~ Buildkite environment variables\nBUILDKITE=true\n",
    "a secret of the step": request("GET", r"jobs/[0-9a-f-]+/secrets\?key=STEP_KEY"),
    "a hook that is there": r'# A hook runner was written to "/.*wrapper.*" for "/.*/hooks/environment"\n',
    "one of the agent that is missing": r'# Skipping agent pre-command hook, no script in "/.*/hooks"\n',
    "one of the repository": r"# Local hook post-command doesn't exist: no script in \"/.*/\.buildkite/hooks\", skip",
    "one of a plugin": r'# Skipping plugin shout pre-exit hook, no script in "/.*/hooks"\n',
    "plugins": r"# Plugin JSON is \[.*\]\n# Parsed 1 plugins\n",
    "plugin's folders": r'# Plugin checkout paths - PluginDir: "\.", HooksDir: "hooks"\n',
    "lock of a mirror": r"# Acquiring mirror repository clone lock\n",
    "git with a terminal": COMMAND.format("git clone -v --reference .*", "with"),
    "git that is not shown": COMMAND.format(r'git --no-pager log -1 .*', "without") + ENDED.format(0),
    "what the job's process asks itself": request("POST", "jobs/[0-9a-f-]+/data/exists"),
    "the command": COMMAND.format(r"/bin/(ba)?sh -e -c .*", "with"),
    "its end": ENDED.format(0),
    "a command inside": request("POST", "jobs/[0-9a-f-]+/data/set", more="via=job-api "),
    "its name": r"DEBUG  Loaded config command=meta-data set\n",
    "annotation": r"DEBUG  Successfully annotated build\n",
    "the job's own service": r"# Job API:\tGET\t/api/current-job/v0/env\t[\d.]+(µs|ms)\n",
    "files": r"DEBUG  Searching for out/\*\n",
    "how long that took": r"DEBUG  Artifact path discovery finished in [\d.]+(µs|ms)\n",
    "records": r"DEBUG  Created 1 artifacts in [\d.]+(µs|ms)\n",
    "upload": r"DEBUG  ↳ POST http://[\d.:]+/v3/form/\[REDACTED\] status=200",
    "state": r"DEBUG  Artifact [0-9a-f-]{36} has entered state finished\n",
    "states told": r"DEBUG  Updated 1 artifact states in [\d.]+(µs|ms)\n",
    "end of the service": r"# Successfully shut down Job API server\n",
}  # fmt: skip

SCRIPT = f"""
buildkite-agent meta-data set key "$STEP_SECRET $HOOK_SECRET $PIPELINE_SECRET"
buildkite-agent annotate "of $HOOK_SECRET"
buildkite-agent env get PATH > /dev/null
N="{NAMED[:5]}"; N="$N{NAMED[5:]}"; printf %s "$N" | buildkite-agent redactor add
buildkite-agent meta-data set "key of $N" "$N"
mkdir out; echo content > out/file
"""


def write_hook(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


class Stage:
    """An agent with hooks, mirrors and plugins, and a job that uses them all."""

    def __init__(self, plane: FakeControlPlane, start: Start, tmp_path: Path) -> None:
        self._plane, self._start, self._folder = plane, start, tmp_path
        hooks = tmp_path / "hooks"
        write_hook(hooks, "environment", f"export HOOK_SECRET={HOOK_SECRET}\n")
        write_hook(hooks, "agent-startup", "#!/bin/sh\necho started\n")
        plugin = Repository(tmp_path / "shout", files={"hooks/pre-command": "echo LOUD\n"})
        self._repository = Repository(tmp_path / "upstream", files={".buildkite/hooks/pre-command": "echo quiet\n"})
        plane.form_path = f"/v3/form/{TICKET}"
        plane.registered = {"request_headers": {"Buildkite-Route": ROUTE}}
        self._env = {
            "BUILDKITE_SKIP_CHECKOUT": "false", "BUILDKITE_REPO": f"file://{self._repository.folder}",
            "BUILDKITE_ARTIFACT_PATHS": "out/*", "PIPELINE_SECRET": PIPELINE_SECRET,
            "BUILDKITE_PLUGINS": f'[{{"file://{plugin.folder}": {{"word": "{PIPELINE_SECRET}"}}}}]',
            "BUILDKITE_SECRETS_CONFIG": '[{"key": "STEP_KEY", "environment_variable": "STEP_SECRET"}]',
        }  # fmt: skip

    def run(self, *flags: str) -> Tuple[AgentProcess, FakeJob]:
        job = self._plane.add_job(SCRIPT, self._env)
        self._plane.answers[f"GET jobs/{job.id}/secrets"] = (200, {"key": "STEP_KEY", "value": STEP_SECRET})
        agent = self._start(
            "--disconnect-after-job", "--hooks-path", str(self._folder / "hooks"), "--plugins-path",
            str(self._folder / "plugins"), "--git-mirrors-path", str(self._folder / "mirrors"), *flags,
        )  # fmt: skip
        assert agent.wait() == 0, agent.said
        assert job.finish["exit_status"] == "0", job.text
        return agent, job

    def secrets(self, job: FakeJob) -> List[str]:
        sessions = ["at-" + session for session in self._plane.sessions]
        own = [STEP_SECRET, HOOK_SECRET, PIPELINE_SECRET, NAMED, TICKET]
        return [*own, *sessions, job.token, self._plane.token]


@pytest.fixture
def stage(plane: FakeControlPlane, start: Start, tmp_path: Path) -> Stage:
    return Stage(plane, start, tmp_path)


def without_colours(text: str) -> str:
    return re.sub("\x1b\\[[0-9;]*m", "", text)


@pytest.mark.parametrize("flags", [("--debug",), ("--debug", "--debug-http")])
def test_debugging_shows_these_facts_and_no_secret(stage: Stage, flags: Tuple[str, ...]) -> None:
    agent, job = stage.run(*flags)
    log = without_colours(job.text)
    missing = [fact for fact, pattern in OF_THE_AGENT.items() if not re.search(pattern, agent.said)]
    assert not missing, agent.said
    missing = [fact for fact, pattern in OF_THE_JOB.items() if not re.search(pattern, log)]
    assert not missing, log
    for text in (agent.said, log):
        assert bool(re.search(HEADERS, text)) == ("--debug-http" in flags), text
        assert not [secret for secret in stage.secrets(job) if secret in text]
    assert ROUTE not in agent.said


def test_without_it_there_is_none_of_them(stage: Stage) -> None:
    agent, job = stage.run("--debug-http")
    log = without_colours(job.text)
    assert "DEBUG" not in agent.said and "DEBUG" not in log
    shown = [fact for fact, pattern in OF_THE_JOB.items() if re.search(pattern, log)]
    assert not shown, log


def test_the_level_of_messages_is_the_agents_alone(stage: Stage) -> None:
    agent, job = stage.run("--log-level", "debug")
    missing = [fact for fact, pattern in OF_THE_AGENT.items() if not re.search(pattern, agent.said)]
    assert not missing, agent.said
    assert "DEBUG" not in job.text and "Command completed" not in job.text
