"""Other users of the machine: what they do, and what they see. Only root can act as one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

NOBODY, DAEMON = 65534, 1
_LISTEN = """
import os, socket, sys
user = int(sys.argv[3])
os.setgroups([])
os.setgid(user)
os.setuid(user)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(8)
os.chmod(sys.argv[1], 0o777)
while True:
    connection, _ = listener.accept()
    connection.settimeout(30)
    data = b""
    while b"\\r\\n\\r\\n" not in data:
        try:
            block = connection.recv(65536)
        except OSError:
            block = b""
        if not block:
            break
        data += block
    with open(sys.argv[2], "ab") as heard:
        heard.write(data + b"<end>")
    try:
        connection.sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n{"env": {"NAME": "an answer"}}')
    except OSError:
        pass
    connection.close()
"""


def become(user: int) -> Callable[[], None]:
    """Return what a new process calls to be a user without groups."""

    def change() -> None:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)

    return change


def run_as(user: int, *words: str, **more: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end as a user."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "universal_newlines": True, "timeout": 60}
    change = None if user == os.getuid() else become(user)
    return subprocess.run(words, preexec_fn=change, **{**options, **more})  # type: ignore[call-overload, no-any-return]


def python_of_all() -> str:
    """Return a Python that every user may run; that of the tests may lie in a closed home."""
    for path in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        check = "import sys; sys.exit(sys.version_info < (3, 8))"
        try:
            if run_as(NOBODY, path, "-I", "-S", "-c", check).returncode == 0:
                return path
        except OSError:
            continue
    pytest.skip("no Python from 3.8 on is here that every user may run")


class Listener:
    """A user's process that answers at a socket, and writes down what it hears."""

    def __init__(self, user: int, path: Path, heard: Path) -> None:
        self._heard = heard
        argv = [sys.executable, "-I", "-S", "-c", _LISTEN, str(path), str(heard), str(user)]
        self._process = subprocess.Popen(argv)
        end = time.monotonic() + 60
        while not (path.exists() and path.stat().st_mode & 0o777 == 0o777):
            assert self._process.poll() is None and time.monotonic() < end, "it does not listen"
            time.sleep(0.01)

    def heard(self) -> bytes:
        """Return what it has heard, once its first connection is over."""
        end = time.monotonic() + 60
        while not self._heard.exists() or not self._heard.read_bytes().endswith(b"<end>"):
            assert time.monotonic() < end, "no client has connected"
            time.sleep(0.01)
        return self._heard.read_bytes()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


@pytest.fixture
def commons() -> Iterator[Path]:
    """Return a folder of root's that every user can enter; pytest's own are closed."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    folder = Path(tempfile.mkdtemp(prefix="commons-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(str(folder))
