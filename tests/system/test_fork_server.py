"""A warm process learns from its forks which modules they had to load."""

import os
import pathlib
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
