"""A warm process learns from its forks which modules they had to load."""

import os
import pathlib
import subprocess
import sys
import time

import pytest

from bkagent.system.fork_server import fork_server
from tests.conftest import TOP

pytestmark = pytest.mark.skipif(not fork_server.AVAILABLE, reason="this system has no forks")
PROGRAM = f"""
import sys
sys.path.insert(0, {TOP!r})
import os
from bkagent.system.fork_server import fork_server
request = fork_server.serve()
if request is not None:
    had = "colorsys" in sys.modules
    if request.words[0] == "load":
        import colorsys
    fork_server.report_modules()
    os.write(1, b"yes" if had else b"no")
os._exit(0)
"""


# Forks itself; what is open here, and how its forks are shown, is the business of this process alone.
OF_ITSELF = f"""
import sys
sys.path.insert(0, {TOP!r})
import os, threading
from bkagent.system.fork_server import fork_server
assert fork_server.can_fork_caller()
def run():
    if fork_server.serve() is None:
        return 7
    with open("/proc/self/cmdline") as file:
        words = file.read().split(chr(0))
    is_open = os.path.exists(f"/proc/self/fd/{{held}}")
    said = [word for word in words if word], os.getcwd(), os.getsid(0) == os.getpid(), is_open
    os.write(1, repr(said).encode())
    os._exit(0)
held = os.dup2(os.open(os.devnull, os.O_RDWR), 50, inheritable=False)
server = fork_server.OwnForkServer(run, ["bkagent", "job-process"])
assert server.is_ready(20)
assert server.start([], {{}}, sys.argv[1], 0, 1, 2).wait().exit_code == 0
server.close()
assert server.wait().exit_code == 7
threading.Thread(target=threading.Event().wait, daemon=True).start()
assert not fork_server.can_fork_caller()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not fork processes that go on")
def test_a_warm_process_begins_as_a_fork_of_the_caller(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-I", "-S", "-c", OF_ITSELF, str(tmp_path)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    said = (["bkagent", "job-process"], str(tmp_path), True, False)
    assert done.returncode == 0 and done.stdout.decode() == repr(said), done.stderr.decode()


def _run(server: fork_server.ForkServer, word: str, path: pathlib.Path) -> str:
    nothing = os.open(os.devnull, os.O_RDWR)
    out = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        assert server.start([word], dict(os.environ), str(path.parent), nothing, out, nothing).wait().exit_code == 0
        return os.pread(out, 10, 0).decode()
    finally:
        os.close(out)
        os.close(nothing)


def test_what_one_fork_loads_the_next_one_has(tmp_path: pathlib.Path) -> None:
    server = fork_server.ForkServer([sys.executable, "-I", "-S", "-c", PROGRAM], dict(os.environ))
    try:
        assert server.is_ready(20)
        assert _run(server, "load", tmp_path / "out") == "no"
        until = time.monotonic() + 20
        while _run(server, "look", tmp_path / "out") == "no":
            assert time.monotonic() < until
    finally:
        server.close()
        server.wait()
