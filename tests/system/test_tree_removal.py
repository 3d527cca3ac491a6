"""Removing a folder that a hostile job has filled."""

import os
import pathlib
import stat
import tempfile
from types import SimpleNamespace

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


@pytest.fixture
def junction(tmp_path, monkeypatch):
    """Return (folder, removed): a folder with a file that looks like a junction of Windows, and what is removed."""
    folder, removed = tmp_path / "junction", []
    folder.mkdir()
    (folder / "file").touch()
    status = SimpleNamespace(st_mode=stat.S_IFDIR, st_reparse_tag=0xA0000003)
    monkeypatch.setattr(tree_removal.os, "lstat", lambda path: status)
    monkeypatch.setattr(tree_removal.os, "rmdir", removed.append)
    return folder, removed


def test_of_a_junction_the_junction_alone_is_removed(junction, monkeypatch):
    folder, removed = junction
    monkeypatch.setattr(tree_removal.os, "readlink", lambda path: "\\\\?\\C:\\kept")
    remove_tree(str(folder))
    assert removed == [str(folder)] and os.path.exists(str(folder / "file"))


def test_a_mounted_volume_is_not_removed(junction, monkeypatch):
    folder, removed = junction
    monkeypatch.setattr(tree_removal.os, "readlink", lambda path: "\\\\?\\Volume{1}\\")
    with pytest.raises(OSError, match="is a mount point"):
        remove_tree(str(folder))
    assert removed == []


def test_a_folder_that_is_marked_read_only_is_removed(tmp_path, monkeypatch):
    """As Windows has it, where the mark of the folder itself is in the way."""
    marked, rmdir, chmod = [str(tmp_path / "folder")], os.rmdir, os.chmod
    os.mkdir(marked[0])

    def refuse(path):
        if path in marked:
            raise PermissionError(13, "Access is denied", path)
        rmdir(path)

    monkeypatch.setattr(tree_removal.os, "rmdir", refuse)
    monkeypatch.setattr(tree_removal.os, "chmod", lambda path, mode: (marked.remove(path), chmod(path, mode)))
    tree_removal._remove_when_free(str(tmp_path / "folder"), 0.0)
    assert os.listdir(str(tmp_path)) == []
