"""Folders whose files other programs hold open when they are to be removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.windows.wine_session import WineSession

TOP = Path(__file__).resolve().parents[2]
# How virus scanners and indexers open files: others may delete them, or may not.
_HOLD = """
import ctypes, os, sys, time
open_file = ctypes.WinDLL("kernel32").CreateFileW
open_file.restype = ctypes.c_void_p
assert open_file(sys.argv[1], 0x80000000, int(sys.argv[2]), None, 3, 0, None) != ctypes.c_void_p(-1).value
print("held", flush=True)
while not os.path.exists(sys.argv[3]):
    time.sleep(0.01)
"""
_REMOVE = """
import sys
sys.path.insert(0, sys.argv[1])
from bkagent.system.tree_removal import remove_tree
print("removing", flush=True)
remove_tree(sys.argv[2])
"""
_SHARE_ALL, _SHARE_READ = 7, 1


@pytest.mark.parametrize("share", [_SHARE_ALL, _SHARE_READ])
def test_a_folder_is_removed_as_soon_as_its_files_are_free(
    wine: WineSession, python: str, tmp_path: Path, share: int
) -> None:
    folder = tmp_path / "checkout"
    (folder / "deep").mkdir(parents=True)
    held = folder / "deep" / "held.dll"
    held.write_text("x")
    free = tmp_path / "free"
    words = [wine.windows_path(held), str(share), wine.windows_path(free)]
    holder = wine.start(wine.python(python), "-c", _HOLD, *words)
    assert holder.stdout is not None and holder.stdout.readline().strip() == b"held"
    remover = wine.start(wine.python(python), "-c", _REMOVE, wine.windows_path(TOP), wine.windows_path(folder))
    assert remover.stdout is not None and remover.stdout.readline().strip() == b"removing"
    free.touch()
    assert (holder.wait(), remover.wait()) == (0, 0)
    assert list(tmp_path.iterdir()) == [free]
