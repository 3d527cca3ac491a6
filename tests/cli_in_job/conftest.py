"""Commands as a job runs them: processes of their own, a control plane over HTTP, the job's local socket."""

import os
import subprocess
import sys
import threading

import pytest

from bkagent.config.launching import self_command
from bkagent.localapi.job_server import JobServer
from bkagent.localapi.upstream import Upstream
from tests.fakes.scripted_server import ScriptedServer
from tests.fakes.warm_launchers import WarmLaunchers

JOB_ID = "0190-job"
BUILD_ID = "0190-build"
STEP_ID = "0190-step"
BARE = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "SYSTEMROOT": os.environ.get("SYSTEMROOT", "")}


class FakeJobState:
    """A live job without a job."""

    def __init__(self):
        self.variables = {"ONE": "1", "TWO": 'line "a"\nb', "GREEN": "gr\u00fcn"}
        self.secrets = []
        self.folders = []

    def env(self):
        return dict(self.variables)

    def set_env(self, changes):
        added = [name for name in changes if name not in self.variables]
        updated = [name for name in changes if name in self.variables]
        self.variables.update(changes)
        return added, updated

    def unset_env(self, names):
        return [name for name in names if self.variables.pop(name, None) is not None]

    def set_workdir(self, path):
        self.folders.append(path)

    def redact(self, secret):
        self.secrets.append(secret)

    def redacted(self, text):
        for secret in self.secrets:
            text = text.replace(secret, "[REDACTED]")
        return text

    def protected(self, name, value):
        return name.startswith("BUILDKITE_AGENT_")


class JobCli:
    """What a command sees of a job, and what it did to it."""

    def __init__(self, server, state, environ):
        self.server, self.state, self.environ = server, state, environ

    def run(self, *words, stdin=None, env=None, expect=0, timeout=60, cwd=None):
        """Run one command; return its process result with bytes."""
        environ = {**self.environ, **(env or {})}
        environ = {name: value for name, value in environ.items() if value is not None}
        source = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        done = subprocess.run(
            self_command.command(words), env=environ, capture_output=True, timeout=timeout, cwd=cwd, **source
        )
        assert done.returncode == expect, done
        return done


@pytest.fixture
def server():
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def outside(server):
    """Return a job whose commands have no local socket."""
    environ = {
        **BARE, "BUILDKITE_AGENT_ENDPOINT": server.url + "/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token",
        "BUILDKITE_JOB_ID": JOB_ID, "BUILDKITE_BUILD_ID": BUILD_ID, "BUILDKITE_STEP_ID": STEP_ID,
    }  # fmt: skip
    return JobCli(server, FakeJobState(), environ)


@pytest.fixture(params=["socket", "direct"])
def job_cli(request, job):
    """Return a job whose commands reach the control plane in one of the two ways."""
    if request.param == "direct":
        del job.environ["BUILDKITE_AGENT_JOB_API_SOCKET"]
    return job


@pytest.fixture
def job(outside, tmp_path):
    """Return a job with its local socket."""
    if sys.platform == "win32":
        pytest.skip("Python offers no Unix sockets here")
    upstream = Upstream(
        outside.environ["BUILDKITE_AGENT_ENDPOINT"], "job-token", environ={}, user_agent="bkagent-test",
        request_headers={},
    )  # fmt: skip
    service = JobServer(str(tmp_path / "s"), outside.state, upstream, job_id=JOB_ID)
    path, token = service.start()
    outside.environ.update(BUILDKITE_AGENT_JOB_API_SOCKET=path, BUILDKITE_AGENT_JOB_API_TOKEN=token)
    yield outside
    service.stop()


@pytest.fixture
def warm(tmp_path, job):
    warm_launchers = WarmLaunchers(tmp_path, job.environ)
    yield warm_launchers
    warm_launchers.commands.close()


@pytest.fixture
def hanging(job):
    """Let the control plane answer nothing until `over` is set; return what says that it was asked."""
    asked, over = threading.Event(), threading.Event()

    def route(request):
        asked.set()
        over.wait(20)
        return 200, {"key": "k", "value": "v"}

    job.server.routes["*"] = route
    asked.over = over
    yield asked
    over.set()
