"""A job in a process of its own, between a spool entry and its result."""

import contextlib
import os
import pathlib
import re
import signal
import time
from typing import Callable, Dict, Iterator, List, Optional, Sequence

import pytest

from bkagent.config.launching import self_command
from bkagent.job import launch
from bkagent.spool import directory, layout
from bkagent.spool.agent_entry import AgentEntry
from bkagent.spool.manifest import JobManifest
from bkagent.spool.result import Result
from bkagent.warm.job_forks import JobForks

_STAMP = re.compile(rb"\x1b_bk;t=\d+\x07")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_LIMIT_S = 60.0


class JobSandbox:
    """Folders for a job of an agent, its environment as an agent would make it, and what forks it, if anything."""

    def __init__(self, root: pathlib.Path, warm: Optional[JobForks] = None) -> None:
        self.root, self.warm = root, warm
        self.hooks = root / "hooks"
        self.checkout = root / "checkout"
        self.builds = root / "builds"
        for folder in (self.hooks, self.checkout, self.builds):
            folder.mkdir()
        self.env: Dict[str, str] = {
            "PATH": os.environ["PATH"], "HOME": str(root), "TMPDIR": str(root),
            "BUILDKITE_JOB_ID": "job-1", "BUILDKITE_REPO": "none", "BUILDKITE_COMMIT": "HEAD",
            "BUILDKITE_BRANCH": "main", "BUILDKITE_AGENT_NAME": "an agent.1", "BUILDKITE_ORGANIZATION_SLUG": "acme",
            "BUILDKITE_PIPELINE_SLUG": "widgets", "BUILDKITE_PIPELINE_PROVIDER": "git",
            "BUILDKITE_BUILD_PATH": str(self.builds), "BUILDKITE_HOOKS_PATH": str(self.hooks),
            "BUILDKITE_SOCKETS_PATH": str(root / "s"), "BUILDKITE_SKIP_CHECKOUT": "true",
            "BUILDKITE_BUILD_CHECKOUT_PATH": str(self.checkout), "BUILDKITE_SHELL": "/bin/sh -e -c",
            "BUILDKITE_BIN_PATH": self_command.launcher_folder(str(root / "state")),
            "BUILDKITE_AGENT_ENDPOINT": "http://127.0.0.1:9/v3", "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token",
            "SEEN": str(root / "seen"),
        }  # fmt: skip

    def hook(self, name: str, *lines: str, executable: bool = False) -> None:
        """Give the agent a hook."""
        _write(self.hooks / name, lines, executable)

    def local_hook(self, name: str, *lines: str, executable: bool = False) -> None:
        """Give the repository a hook."""
        _write(self.checkout / ".buildkite" / "hooks" / name, lines, executable)

    def seen(self) -> List[str]:
        """Return the lines that the job wrote into the file named by SEEN."""
        path = self.root / "seen"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def start(
        self, command: str = "", env: Optional[Dict[str, str]] = None, secrets: Sequence[str] = (), **job: object
    ) -> "Running":
        """Start a job as an agent does."""
        known = {"job_id": "job-1", "endpoint": "http://127.0.0.1:9/v3", "token": "job-token", "user_agent": "test"}
        file = JobManifest(**{**known, "sockets_path": self.env["BUILDKITE_SOCKETS_PATH"], **job})  # type: ignore[arg-type]
        entry = directory.create(str(self.root / "spool"), file)
        whole = {**self.env, "BUILDKITE_COMMAND": command, **(env or {})}
        return Running(entry, launch.start(entry.folder, whole, str(self.builds), self.warm, secrets))

    def run(self, command: str = "", env: Optional[Dict[str, str]] = None, **job: object) -> "Ended":
        """Run a job to its end."""
        return self.start(command, env, **job).end()


class Running:
    """A job that was started."""

    def __init__(self, entry: AgentEntry, child: launch.Child) -> None:
        self.entry, self.child = entry, child

    def await_text(self, text: bytes) -> None:
        """Wait until the log has a text."""
        deadline = time.monotonic() + _LIMIT_S
        with contextlib.closing(self.entry.listener()) as bell:
            while text not in self.raw():
                assert time.monotonic() < deadline, f"{text!r} never came: {self.raw()!r}"
                bell.wait(0.5)

    def signal(self, number: int) -> None:
        """Send a signal to the job process's group, as an agent does."""
        os.killpg(self.child.pid, number)

    def raw(self) -> bytes:
        """Return the log as it is."""
        with open(self.entry.log_path, "rb") as file:
            return file.read()

    def end(self) -> "Ended":
        """Wait for the end of the job."""
        if not self.entry.process.wait_for_end(_LIMIT_S):
            self.signal(signal.SIGKILL)
            raise AssertionError(f"the job did not end: {self.raw()!r}")
        self.child.wait()
        return Ended(self)


class Ended:
    """A job that has ended: its log, unstamped, and its result."""

    def __init__(self, running: Running) -> None:
        self.raw = running.raw()
        self.unstamped = _STAMP.sub(b"", self.raw)
        text = self.unstamped.decode("utf-8", "replace").replace("\r\n", "\n")
        self.lines = _STYLE.sub("", text).splitlines()
        self.result: Optional[Result] = running.entry.result()
        self.process = running.child.wait()
        with open(os.path.join(running.entry.folder, layout.STDERR), encoding="utf-8") as file:
            self.stderr = file.read()

    @property
    def status(self) -> int:
        """The exit status of its result."""
        assert self.result is not None, f"no result: {self.lines} {self.stderr}"
        return self.result.exit_status

    def has(self, line: str) -> bool:
        """Whether a line of the log is this one."""
        return line in self.lines


def _write(path: pathlib.Path, lines: "tuple[str, ...]", executable: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o755 if executable else 0o644)


def opened_warm() -> JobForks:
    """Return a warm process that is ready."""
    said: List[str] = []
    warm = JobForks({"PATH": os.environ["PATH"]}, lambda level, text, event="": said.append(text))
    warm.open()
    await_warmth(warm, said)
    return warm


def await_warmth(warm: JobForks, said: "Optional[List[str]]" = None) -> None:
    """Wait until a warm process is ready."""
    deadline = time.monotonic() + _LIMIT_S
    while not warm.is_ready():
        assert time.monotonic() < deadline, said
        time.sleep(0.01)


@pytest.fixture(scope="session")
def shared_warm() -> "Iterator[JobForks]":
    """One warm process for all tests that leave it as it is."""
    warm = opened_warm()
    yield warm
    warm.close()


# How a module's jobs are started: its constant STARTS. As programs of their own and as forks of a warm process, both;
# or the former in the soak tier alone, where all that a module tells of comes after the start, which test_process.py,
# test_phases.py, test_environment.py and others try in both ways; or by the module itself.
BOTH = ("exec", "warm")
MOSTLY_WARM = (pytest.param("exec", marks=pytest.mark.soak), "warm")
OWN = ("exec",)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test with a sandbox the ways in which the jobs of its module are started."""
    if "how" in metafunc.fixturenames:
        metafunc.parametrize("how", getattr(metafunc.module, "STARTS", BOTH))


@pytest.fixture
def make_sandbox(request: pytest.FixtureRequest, how: str) -> "Callable[[pathlib.Path], JobSandbox]":
    """Return what makes sandboxes in folders, for tests whose jobs run side by side."""
    if os.sep == "\\":
        pytest.skip("jobs of POSIX shells")
    warm = request.getfixturevalue("shared_warm") if how == "warm" else None
    return lambda root: JobSandbox(root, warm)


@pytest.fixture
def sandbox(make_sandbox: "Callable[[pathlib.Path], JobSandbox]", tmp_path: pathlib.Path) -> JobSandbox:
    """A sandbox whose jobs are programs of their own, and one whose jobs are forks of a warm process."""
    return make_sandbox(tmp_path)
