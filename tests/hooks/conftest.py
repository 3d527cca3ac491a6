"""A session whose log is a list of lines, and hooks written into a folder."""

import os

import pytest

from bkagent.hooks.run import Hook
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from tests.fakes.job_log import RecordedJobLog


@pytest.fixture
def log():
    return RecordedJobLog()


@pytest.fixture
def session(tmp_path, log):
    env = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    env.update(HOME=str(tmp_path), TMPDIR=str(tmp_path / "tmp"))
    for name in ("OLDPWD", "_", "SHLVL"):
        env.pop(name, None)
    (tmp_path / "work").mkdir()
    return Session(env, str(tmp_path / "work"), LogLines(log), pty=False)


@pytest.fixture
def hook(tmp_path):
    """Return a function that writes a hook of the agent and returns it."""

    def make(text, name="pre-command", mode=0o755, scope="agent", **more):
        folder = tmp_path / "hooks"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return Hook(scope, name, str(path), **more)

    return make
