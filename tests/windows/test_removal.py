"""Folders whose files other programs hold open when they are to be removed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.windows.wine_session import WineSession

TOP = Path(__file__).resolve().parents[2]
# How virus scanners and indexers open files: others may delete them, or may not.
_HOLD = """
import ctypes, sys
open_file = ctypes.WinDLL("kernel32").CreateFileW
open_file.restype = ctypes.c_void_p
assert open_file(sys.argv[1], 0x80000000, int(sys.argv[2]), None, 3, 0, None) != ctypes.c_void_p(-1).value
print("held", flush=True)
sys.stdin.read()
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
    holder = wine.start(wine.python(python), "-c", _HOLD, wine.windows_path(held), str(share), stdin=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline().strip() == b"held"
    words = [wine.windows_path(TOP), wine.windows_path(folder)]
    remover = wine.start(wine.python(python), "-c", _REMOVE, *words)
    assert remover.stdout is not None and remover.stdout.readline().strip() == b"removing"
    holder.communicate()  # ends its standard input, and so itself
    output, _ = remover.communicate()
    assert remover.returncode == 0 and not folder.exists(), output
    assert list(tmp_path.iterdir()) == []
