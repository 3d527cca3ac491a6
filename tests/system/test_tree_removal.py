"""Removing a folder that a hostile job has filled."""

import os
import pathlib
import tempfile

import pytest

from bkagent.system import tree_removal
from bkagent.system.tree_removal import remove_tree

NOBODY = 65534


def test_links_are_removed_and_never_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    os.symlink(outside, folder / "deep" / "link")
    os.symlink(outside / "precious", folder / "file")
    remove_tree(str(folder))
    assert not folder.exists()
    assert (outside / "precious").read_text() == "x"


def test_of_a_link_only_the_link_goes(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink("real", tmp_path / "link")
    remove_tree(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == ["real"]


def test_a_file_and_nothing_at_all_are_no_problem(tmp_path):
    (tmp_path / "file").write_text("x")
    remove_tree(str(tmp_path / "file"))
    remove_tree(str(tmp_path / "file"))
    assert os.listdir(tmp_path) == []


def test_the_root_is_never_removed():
    with pytest.raises(OSError, match="root of a file system"):
        remove_tree(os.sep)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="permissions of this kind are POSIX's")
def test_folders_without_write_permission_go_too(tmp_path):
    """In a child without root's rights where the tests run as root, so in a folder that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        top = pathlib.Path(name)
        top.chmod(0o755)
        folder = top / "all" / "cache" / "mod"
        (folder / "a").mkdir(parents=True)
        (folder / "a" / "file").write_text("x")
        (folder / "closed" / "deep").mkdir(parents=True)
        (folder / "closed" / "deep" / "file").write_text("x")
        (folder / "closed" / "deep").chmod(0o555)
        for path, mode in (
            (folder / "a" / "file", 0o444),
            (folder / "a", 0o555),
            (folder / "closed", 0),
            (folder, 0o555),
        ):
            path.chmod(mode)
        if os.geteuid() == 0:
            for path in top.rglob("*"):
                os.chown(path, NOBODY, NOBODY)
        assert _in_child(str(top / "all" / "cache")) == 0
        assert os.listdir(top / "all") == []


def _in_child(path):
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            remove_tree(path)
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="permissions of this kind are POSIX's")
def test_the_folder_above_keeps_its_permissions():
    with tempfile.TemporaryDirectory() as name:
        folder = os.path.join(name, "above", "folder")
        os.makedirs(folder)
        os.chmod(name, 0o755)
        if os.geteuid() == 0:
            os.chown(os.path.dirname(folder), NOBODY, NOBODY)
            os.chown(folder, NOBODY, NOBODY)
        os.chmod(os.path.dirname(folder), 0o555)
        assert _in_child(folder) != 0
        assert os.stat(os.path.dirname(folder)).st_mode & 0o777 == 0o555
        os.chmod(os.path.dirname(folder), 0o755)


class _Held:
    """Refuses to have files removed, as Windows does while another program has them open, so many times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, name: str = "held") -> None:
        self.times, self._name, self._unlink = times, name, os.unlink
        monkeypatch.setattr(os, "unlink", self.unlink)
        monkeypatch.setattr(tree_removal.time, "sleep", lambda seconds: None)

    def unlink(self, path, *, dir_fd=None):
        if (os.path.basename(path) == self._name or ".gone-" in path) and self.times:
            self.times -= 1
            error = PermissionError(13, "in use", path)
            error.winerror = 32  # ERROR_SHARING_VIOLATION
            raise error
        self._unlink(path, dir_fd=dir_fd)


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "held").write_text("x")
    return folder


def test_a_file_in_use_is_removed_when_it_is_free(tree, monkeypatch):
    held = _Held(monkeypatch, 5)
    remove_tree(str(tree))
    assert os.listdir(tree.parent) == [] and held.times == 0


def test_a_file_that_stays_in_use_is_moved_out_of_the_folder(tree, monkeypatch):
    monkeypatch.setattr(tree_removal, "_PATIENCE_S", 0.0)
    _Held(monkeypatch, 10**6)
    remove_tree(str(tree))
    (name,) = os.listdir(tree.parent)
    assert name.startswith("folder.gone-")


def test_a_file_of_no_use_is_left_if_it_stays_in_use(tree, monkeypatch):
    monkeypatch.setattr(tree_removal, "_PATIENCE_S", 0.0)
    held = _Held(monkeypatch, 2)  # it is tried without the mark that it is read-only, too
    tree_removal.remove_soon(str(tree / "deep" / "held"))
    assert (tree / "deep" / "held").exists() and held.times == 0
    tree_removal.remove_soon(str(tree / "deep" / "held"))
    tree_removal.remove_soon(str(tree / "deep" / "held"))
    assert os.listdir(tree / "deep") == []
