"""A process that uses absolute paths starts programs without a fork, and they are as they would be after one."""

import pathlib
import re
import subprocess
import sys

import pytest

from tests.conftest import TOP

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere programs are started by fork")
PROGRAM = f"""
import os, signal, sys
sys.path.insert(0, {TOP!r})
from bkagent.system import process_start

def shown(fd):
    output = b""
    while True:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        output += data
    print(output.decode().replace("\\r", ""), end="", flush=True)

signal.signal(signal.SIGUSR1, lambda number, frame: None)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
folder, way = sys.argv[1:]
if way == "spawn":
    process_start.use_absolute_paths()
    def fork():
        raise AssertionError("a program was started by fork")
    os.fork, kept_fork = fork, os.fork
script = '''pwd; grep -E "^Sig(Blk|Ign|Cgt)" /proc/self/status; ls /proc/self/fd | tr "\\n" " "
test "$(ps -o sid= -p $$ | tr -d " ")" = $$ && echo leads a session
test "$(ps -o pgid= -p $$ | tr -d " ")" = $$ && echo leads a group; echo "$NAME"'''
argv, env = ["/bin/sh", "-c", script], {{"PATH": os.environ["PATH"], "NAME": "a=b"}}
child, fd = process_start.start_in_terminal(["/bin/sh", "-c", script + "; echo of a terminal > /dev/tty"], env, folder)
shown(fd)
print(child.wait())
for start in (process_start.start_in_group, process_start.start_in_session):
    reading, writing = os.pipe()
    nothing = os.open(os.devnull, os.O_RDWR)
    child = start(argv, env, folder, nothing, writing, writing)
    os.close(writing)
    shown(reading)
    print(child.wait())
    os.close(nothing)
print(os.getcwd())
if way == "spawn":
    os.fork = kept_fork
for argv, cwd in ((["/missing/program"], folder), (argv, folder + "/missing"), ([folder], folder)):
    try:
        process_start.start_in_terminal(argv, env, cwd)
    except OSError as problem:
        print(problem)
print(os.getcwd())
"""


# A job may close the folder that this process belongs to, while the process is in another one for a moment.
WITHOUT_RETURN = f"""
import os, sys
sys.path.insert(0, {TOP!r})
from bkagent.system import process_start
def fchdir(fd):
    raise PermissionError(13, "closed by the job")
process_start.use_absolute_paths()
os.fchdir = fchdir
files = [os.dup(fd) for fd in range(3)]
child = process_start.start_in_group(["/bin/sh", "-c", "pwd"], {{}}, sys.argv[1], *files)
sys.exit(child.wait().exit_code)
"""


def _run(tmp_path: pathlib.Path, way: str) -> str:
    inner = tmp_path / "inner"
    inner.mkdir(exist_ok=True)
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, str(inner), way]
    done = subprocess.run(argv, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    return re.sub(r"(?<=^SigIgn:\t)\w+", _without_internal, done.stdout.decode(), flags=re.MULTILINE)


def _without_internal(mask: "re.Match[str]") -> str:
    """Return a mask without 32 and 33, which glibc uses itself, and has ignored where it spawns."""
    return f"{int(mask.group(), 16) & ~0x180000000:x}"


def test_programs_are_the_same_with_and_without_a_fork(tmp_path: pathlib.Path) -> None:
    spawned = _run(tmp_path, "spawn")
    assert spawned == _run(tmp_path, "fork")
    assert spawned.count("leads a session") == 2 and spawned.count("leads a group") == 3
    assert spawned.count("of a terminal") == 1 and spawned.count("a=b") == 3
    assert spawned.splitlines()[0] == str(tmp_path / "inner") and spawned.splitlines()[-1] == str(tmp_path)
    assert "[Errno 2]" in spawned and "[Errno 13]" in spawned


def test_a_program_starts_once_where_this_process_cannot_go_back(tmp_path: pathlib.Path) -> None:
    argv = [sys.executable, "-I", "-S", "-c", WITHOUT_RETURN, str(tmp_path)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=60)
    assert (done.returncode, done.stdout.decode()) == (0, f"{tmp_path}\n")
