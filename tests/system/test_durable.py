"""Files that are whole or not there."""

import os
import stat
import threading

import pytest

from bkagent.system import durable


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path):
    path = str(tmp_path / "file")
    durable.replace_file(path, b"0" * 100_000)
    done = threading.Event()

    def write():
        for number in range(200):
            durable.replace_file(path, b"%d" % (number % 10) * 100_000, to_disk=number % 10 == 0)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        with open(path, "rb") as file:
            data = file.read()
        assert len(data) == 100_000 and len(set(data)) == 1
    writer.join()
    assert os.listdir(str(tmp_path)) == ["file"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_nothing_is_left_behind_when_it_cannot_be_put_there(tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "x").write_bytes(b"")
    with pytest.raises(OSError):
        durable.replace_file(str(folder), b"data")
    assert os.listdir(str(tmp_path)) == ["taken"]
    with pytest.raises(OSError):
        durable.replace_file(str(tmp_path / "absent" / "file"), b"data")
