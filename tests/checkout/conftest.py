"""Real repositories in a temporary folder, and a job that checks them out, its log kept as lines."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from bkagent.checkout import checkout_settings as checkout_settings
from bkagent.checkout.checkout_folder import enter
from bkagent.checkout.run import check_out
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from bkagent.system import process_start
from tests.fakes.job_log import RecordedJobLog


@pytest.fixture(autouse=True)
def _promise_of_a_job(monkeypatch):
    """Start programs as a job's process does, which has promised to use absolute paths: without a fork of pytest."""
    if sys.platform == "linux":
        from bkagent.system import _process_spawn_linux as spawning

        monkeypatch.setattr(spawning, "_home_fd", -1)
        process_start.use_absolute_paths()
        yield
        if spawning._home_fd >= 0:
            os.close(spawning._home_fd)
    else:
        yield


def data_of(text):
    """Return lines of a stream for `git fast-import` that hold a text."""
    return [f"data {len(text.encode())}", text]


class Repository:
    """A repository that jobs clone from. `template` is a folder of one that it begins as a copy of."""

    def __init__(self, path, env, template=""):
        self.path, self.env = str(path), env
        if template:
            shutil.copytree(template, self.path, symlinks=True)
            return
        os.makedirs(self.path)
        self.git("init", "-q", "-b", "main")

    def git(self, *words):
        ran = subprocess.run(["git", *words], cwd=self.path, env=self.env, stdout=subprocess.PIPE, check=True)
        return ran.stdout.decode().strip()

    def add_commits(self, *messages, branch="main", base="main", **files):
        """Add a commit for each message to a branch, the last with the files; return the last.

        One process, where `commit` needs three. The work tree and the index stay as they are.
        """
        stream = [f"reset refs/heads/{branch}", f"from refs/heads/{base}^0", ""] if branch != base else []
        for number, message in enumerate(messages, 1):
            stream += [f"commit refs/heads/{branch}", f"mark :{number}"]
            stream += [f"committer Test <test@example.com> {int(time.time())} +0000", *data_of(message)]
            stream += [f"from refs/heads/{base}^0"] if number == 1 and branch == base else []
            if number == len(messages):
                for name, text in files.items():
                    stream += [f"M 100644 inline {name}", *data_of(text)]
            stream.append("")
        stream += [f"get-mark :{len(messages)}", ""]
        argv = ["git", "fast-import", "--quiet", "--force"]
        imported = subprocess.run(
            argv, cwd=self.path, env=self.env, input="\n".join(stream).encode(), stdout=subprocess.PIPE, check=True
        )
        return imported.stdout.decode().strip()

    def commit(self, message="change", **files):
        for name, text in files.items():
            with open(os.path.join(self.path, name), "w") as file:
                file.write(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


class CheckoutJob:
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


def environment(folder):
    """Return the environment of git in a test, whose home folder is this."""
    config = folder / "gitconfig"
    config.write_text(
        # No test cuts the power, and waiting for the disk takes a quarter of the time that small repositories take.
        '[protocol "file"]\nallow = always\n[gc]\nauto = 0\n[uploadpack]\nallowAnySHA1InWant = true\n'
        "[core]\nfsync = none\n"
    )
    variables = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    variables.update(HOME=str(folder), GIT_CONFIG_GLOBAL=str(config), BUILDKITE_AGENT_ACCESS_TOKEN="token")
    return variables


@pytest.fixture
def env(tmp_path):
    return environment(tmp_path)


@pytest.fixture
def make_repository(tmp_path, env):
    return lambda name: Repository(tmp_path / "repos" / name, env)


class Upstream(Repository):
    """A repository with two commits on main, a branch, a tag, and a pull request."""

    def fill(self):
        self.first = self.commit("Commit 1", **{"README.md": "one\n"})
        self.git("tag", "v1")
        self.git("checkout", "-q", "-b", "feature/x")
        self.feature = self.commit("Commit 3", feature="f")
        self.git("checkout", "-q", "--detach", "main")
        self.pull = self.commit("Commit 4", pull="p")
        self.git("update-ref", "refs/pull/12/head", self.pull)
        self.git("checkout", "-q", "main")
        self.second = self.commit("Commit 2", **{"README.md": "two\n"})

    def copy(self, path, env):
        """Return a copy of this repository."""
        copy = Upstream(path, env, self.path)
        copy.first, copy.feature, copy.pull, copy.second = self.first, self.feature, self.pull, self.second
        return copy


@pytest.fixture(scope="session")
def _template(tmp_path_factory):
    """The repository that each test's `upstream` is a copy of: making it takes twenty processes."""
    folder = tmp_path_factory.mktemp("template")
    env = {name: value for name, value in environment(folder).items() if not name.startswith("GIT_")}
    env.update(GIT_CONFIG_GLOBAL=str(folder / "gitconfig"), GIT_CONFIG_NOSYSTEM="1")
    for role in ("AUTHOR", "COMMITTER"):
        env.update({f"GIT_{role}_NAME": "Test", f"GIT_{role}_EMAIL": "test@example.com"})
    repository = Upstream(folder / "main", env)
    repository.fill()
    return repository


@pytest.fixture
def upstream(_template, tmp_path, env):
    """A repository of the test's own with two commits on main, a branch, a tag, and a pull request."""
    return _template.copy(tmp_path / "repos" / "main", env)


@pytest.fixture
def log():
    return RecordedJobLog()


@pytest.fixture
def job(tmp_path, env, log, upstream):
    """A job of `upstream`, whose variables a test may change."""
    made = CheckoutJob(tmp_path, env, log)
    env.update(
        BUILDKITE_REPO=upstream.path,
        BUILDKITE_COMMIT=upstream.first,
        BUILDKITE_BRANCH="main",
        BUILDKITE_PULL_REQUEST="false",
        BUILDKITE_PIPELINE_PROVIDER="custom",
        BUILDKITE_PIPELINE_SLUG="widgets",
    )
    return made
