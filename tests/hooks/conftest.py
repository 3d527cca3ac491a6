"""A session whose log is a list of lines, and hooks written into a folder."""

import os

import pytest

from bkagent.hooks.run import Hook
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session


class Log:
    """Keeps what a job's log would hold, without colours and carriage returns."""

    def __init__(self):
        self.bytes = b""

    def child(self, data):
        self.bytes += data

    def line(self, text, before="", after="", as_it_is=False):
        text = before + text + after
        self.bytes += text.encode("utf-8", "surrogateescape") + b"\n"

    def flush(self):
        pass

    @property
    def lines(self):
        text = self.bytes.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        for code in ("\x1b[90m", "\x1b[31m", "\x1b[33m", "\x1b[0m"):
            text = text.replace(code, "")
        return text.splitlines()


@pytest.fixture
def log():
    return Log()


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
