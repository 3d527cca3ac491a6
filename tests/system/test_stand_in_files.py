"""Which files of another process can be opened once more without anybody seeing it."""

import os
import subprocess
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("only Linux shows the files of other processes", allow_module_level=True)

from bkagent.system.stand_in import _stand_in_files_linux as files


@pytest.fixture(params=["the same", "opened again"])
def ways(request, monkeypatch):
    """The kernel gives files to those alone who may trace a process; the other way is for everybody else."""
    if request.param == "opened again":
        monkeypatch.setattr(files, "_same", lambda pid, numbers: [])
    elif not files._same(os.getpid(), (0,)):
        pytest.skip("this kernel does not give files away here")
    return request.param


def sleeper(**how):
    files = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    return subprocess.Popen(["sleep", "60"], **{**files, **how})


def test_pipes_and_devices(ways):
    with sleeper(stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        had = files.of(process.pid, (0, 1, 2))
        process.stdin.write(b"in")
        process.stdin.close()
        os.write(had[1], b"out")
        assert os.read(had[0], 10) == b"in" and os.read(had[0], 10) == b""
        assert process.stdout.read(3) == b"out"
        assert os.fstat(had[2]).st_rdev == os.stat(os.devnull).st_rdev
        process.kill()
    for fd in had:
        os.close(fd)


def test_a_file_is_never_given_a_second_place_to_write_at(ways, tmp_path):
    with open(tmp_path / "plain", "wb") as plain, sleeper(stdout=plain) as process:
        if ways == "the same":
            (fd,) = files.of(process.pid, (1,))
            os.write(fd, b"one")
            os.write(plain.fileno(), b"two")
            os.close(fd)
            assert (tmp_path / "plain").read_bytes() == b"onetwo"
        else:
            with pytest.raises(OSError):
                files.of(process.pid, (1,))
        process.kill()


def test_a_file_that_is_appended_to(ways, tmp_path):
    with open(tmp_path / "log", "ab") as log, sleeper(stdout=log) as process:
        (fd,) = files.of(process.pid, (1,))
        os.write(fd, b"one")
        os.write(log.fileno(), b"two")
        os.write(fd, b"three")
        os.close(fd)
        process.kill()
    assert (tmp_path / "log").read_bytes() == b"onetwothree"


def test_a_pipe_without_a_reader_holds_nothing_up(ways):
    with sleeper(stdout=subprocess.PIPE) as process:
        process.stdout.close()
        try:
            for fd in files.of(process.pid, (1,)):
                os.close(fd)
        except OSError:
            assert ways == "opened again"
        process.kill()


def test_a_closed_file_and_a_process_that_is_gone(ways):
    with sleeper() as process, pytest.raises(OSError):
        try:
            files.of(process.pid, (0, 1, 77))
        finally:
            process.kill()
    with pytest.raises(OSError):
        files.of(process.pid, (0, 1, 2))
