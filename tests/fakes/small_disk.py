"""A real disk of a few megabytes, where this user may mount one."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import pytest


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a disk of so many bytes at a folder. The test is skipped where that is not allowed."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this user may mount nothing")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(path: Path, leaving: int = 0) -> None:
    """Use up the disk by a file at `path`, but for `leaving` bytes."""
    with path.open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"f" * 65536)
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leaving))
