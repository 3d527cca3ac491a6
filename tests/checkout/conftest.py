"""Real repositories in a temporary folder, and a job that checks them out, its log kept as lines."""

import os
import subprocess

import pytest

from bkagent.checkout import settings as checkout_settings
from bkagent.checkout.run import check_out, enter
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

    @property
    def own(self):
        """The agent's own lines: prompts, comments, warnings."""
        return [line for line in self.lines if line[:2] in ("# ", "$ ", "~~") or "Warning" in line or "Error" in line]


class Repository:
    """A repository that jobs clone from."""

    def __init__(self, path, env):
        self.path, self.env = str(path), env
        os.makedirs(self.path)
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        ran = subprocess.run(["git", *words], cwd=self.path, env=self.env, stdout=subprocess.PIPE, check=True)
        return ran.stdout.decode().strip()

    def commit(self, message="change", **files):
        for name, text in files.items():
            with open(os.path.join(self.path, name), "w") as file:
                file.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


class Job:
    """One job after another in the same folder. `left` are the folders to remove at the end.

    `helper` is what git asks for the password of the control plane's copy of the repository.
    """

    helper = ""

    def __init__(self, tmp_path, env, log):
        self.env, self.log, self.left = env, log, []
        self.folder = str(tmp_path / "builds" / "widgets")
        self.session = None

    def start(self, **variables):
        env = {**self.env, "BUILDKITE_BUILD_CHECKOUT_PATH": self.folder}
        env.update({f"BUILDKITE_{name}": value for name, value in variables.items()})
        self.session = Session(env, os.path.dirname(os.path.dirname(self.folder)), LogLines(self.log), pty=False)
        return self.session, checkout_settings.read(env, lambda text: self.log.line("complaint: " + text))

    def check_out(self, **variables):
        session, settings = self.start(**variables)
        enter(session)
        check_out(session, settings, self.left.append, self.helper)

    def git(self, *words):
        ran = subprocess.run(["git", *words], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, check=True)
        return ran.stdout.decode().strip()

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)

    def has(self, *names):
        return os.path.lexists(os.path.join(self.folder, *names))


@pytest.fixture
def env(tmp_path):
    config = tmp_path / "gitconfig"
    config.write_text('[protocol "file"]\nallow = always\n[gc]\nauto = 0\n[uploadpack]\nallowAnySHA1InWant = true\n')
    found = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    found.update(HOME=str(tmp_path), GIT_CONFIG_GLOBAL=str(config), BUILDKITE_AGENT_ACCESS_TOKEN="token")
    return found


@pytest.fixture
def make_repository(tmp_path, env):
    return lambda name: Repository(tmp_path / "repos" / name, env)


@pytest.fixture
def upstream(make_repository):
    """A repository with two commits on main, a branch, a tag, and a pull request."""
    made = make_repository("main")
    made.first = made.commit("Commit 1", **{"README.md": "one\n"})
    made.git("tag", "v1")
    made.git("checkout", "-q", "-b", "feature/x")
    made.feature = made.commit("Commit 3", feature="f")
    made.git("checkout", "-q", "--detach", "main")
    made.pull = made.commit("Commit 4", pull="p")
    made.git("update-ref", "refs/pull/12/head", made.pull)
    made.git("checkout", "-q", "main")
    made.second = made.commit("Commit 2", **{"README.md": "two\n"})
    return made


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def job(tmp_path, env, log, upstream):
    """A job of `upstream`, whose variables a test may change."""
    made = Job(tmp_path, env, log)
    env.update(
        BUILDKITE_REPO=upstream.path,
        BUILDKITE_COMMIT=upstream.first,
        BUILDKITE_BRANCH="main",
        BUILDKITE_PULL_REQUEST="false",
        BUILDKITE_PIPELINE_PROVIDER="custom",
        BUILDKITE_PIPELINE_SLUG="widgets",
    )
    return made
