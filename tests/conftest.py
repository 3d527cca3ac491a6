"""What every test shares: the archive as built, and an environment that no job or user steers."""

import functools
import gc
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest
from _pytest.runner import runtestprotocol

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ARCHIVE = os.path.join(TOP, "dist", "bkagent.pyz")
# Computes until the process is gone that started it.
_COMPUTE = "import os, sys\nwhile os.getppid() == int(sys.argv[1]): sum(range(100_000))"
_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "PATHEXT", "LD_LIBRARY_PATH")
_GIVEN = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}
_SLOW_S = 0.2  # is of interest to `--durations`
_RUN_FOLDER = pytest.StashKey[str]()

if TOP not in sys.path:
    sys.path.insert(0, TOP)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Name the options that show races: many runs of a test, on a machine that is busy."""
    parser.addoption("--repeat", type=int, default=1, metavar="COUNT", help="run each test so many times")
    parser.addoption("--busy", type=int, default=0, metavar="COUNT", help="compute in so many processes meanwhile")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks; tests/run.sh chooses by them."""
    _hear_every_signal()
    if sys.platform == "linux" and sys.version_info < (3, 10):
        from tests.fakes.vfork_starts import use_vfork

        use_vfork()
    config.addinivalue_line("markers", "soak: longer random runs, for `tests/run.sh --tier soak`")
    config.addinivalue_line("markers", "raced: it failed by a race once; `tests/run.sh --tier raced` runs it 200 times")
    config.addinivalue_line("markers", "windows: it runs Windows programs, for `tests/run.sh --tier windows`")
    if hasattr(config, "workerinput"):  # in one of pytest-xdist's workers
        config.stash[_RUN_FOLDER] = config.workerinput["run_folder"]
        if not config.getoption("xmlpath", None):
            config.pluginmanager.register(_FewReports())
    else:
        folder = config.stash[_RUN_FOLDER] = tempfile.mkdtemp(prefix="bkagent-tests-")
        config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))
        for _ in range(config.getoption("--busy")):
            busy = subprocess.Popen([sys.executable, "-I", "-S", "-c", _COMPUTE, str(os.getpid())])
            config.add_cleanup(functools.partial(_end, busy))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist, also one that replaces another, which folder the whole run has."""
    node.workerinput["run_folder"] = node.config.stash[_RUN_FOLDER]


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


class _FewReports:
    """Runs the tests of a worker, and reports of a setup or teardown only what is wrong or slow.

    For each report and each beginning the worker and the process that prints take half a millisecond, and most tests
    are as short.
    """

    @pytest.hookimpl
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: "Optional[pytest.Item]") -> bool:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed or report.duration > _SLOW_S:
                item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> "Iterator[None]":
    """Collect without looking for garbage, and never look through what was collected, which lives to the end.

    Each worker has thousands of tests, and goes through all of them at each full collection otherwise.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test as many runs as `--repeat` says."""
    count = metafunc.config.getoption("--repeat")
    if count > 1:
        metafunc.fixturenames.append("_run")
        metafunc.parametrize("_run", range(count))


def _hear_every_signal() -> None:
    """Undo what `nohup` and background shells leave to their children: the tests send these signals and mean them."""
    usual = {"SIGHUP": signal.SIG_DFL, "SIGQUIT": signal.SIG_DFL, "SIGINT": signal.default_int_handler}
    for name, action in usual.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, action)


@pytest.fixture(scope="session")
def _numbers() -> "Iterator[int]":
    """Return a counter for names of folders: pytest itself lists all its folders to number one more, 2 ms a test."""
    return itertools.count()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture
def tmp_path(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _numbers: "Iterator[int]"
) -> Path:
    """Return a new folder, as pytest's own fixture of this name does; shorter, for the sockets below it."""
    name = re.sub(r"\W", "_", request.node.name)[:26]
    return tmp_path_factory.mktemp(f"{name}-{next(_numbers)}", numbered=False)


@pytest.fixture(scope="session", autouse=True)
def _environment_of_all(_homes: Path) -> "Iterator[None]":
    """Take away what steers agents, jobs and git; fixtures that tests share have a home together."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in set(os.environ).difference(_KEPT):
            monkeypatch.delenv(name)
        for name, text in _GIVEN.items():
            monkeypatch.setenv(name, text)
        monkeypatch.setenv("HOME", str(_homes))
        for name in ("COLUMNS", "LINES"):
            os.unsetenv(name)  # readline, which pytest may load, puts them where only programs see them
        yield


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, _homes: Path, _numbers: "Iterator[int]", _environment_of_all: None
) -> None:
    """Give each test a home of its own, and nothing that another test or pytest has put into the environment."""
    for name in set(os.environ).difference(_KEPT, _GIVEN):
        monkeypatch.delenv(name)
    home = f"{_homes}/{next(_numbers)}"
    os.mkdir(home, 0o700)
    monkeypatch.setenv("HOME", home)


@pytest.fixture(scope="session")
def packed_archive() -> str:
    """Return the path of the built archive as a user gets it; tests/run.sh builds it before pytest starts."""
    assert os.path.exists(ARCHIVE), "build it first: python3 packaging/tasks.py build"
    return ARCHIVE


@pytest.fixture(scope="session")
def run_folder(request: pytest.FixtureRequest) -> Path:
    """Return the folder that all workers of this run share, and that is removed when the last has ended.

    pytest's own folders are not for that: the next runs remove those of earlier ones.
    """
    return Path(request.config.stash[_RUN_FOLDER])


@pytest.fixture(scope="session")
def archive(packed_archive: str, run_folder: Path) -> str:
    """Return the path of the archive as install.sh leaves it: every home folder shares its unpacked code.

    Unpacking takes a second of a processor, and nearly every test has a home folder of its own.
    """
    from tests.fakes.installed_archive import install_once

    return install_once(packed_archive, run_folder)
