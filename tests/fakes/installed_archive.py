"""The archive as install.sh leaves it: unpacked once, for every home folder, beside the folder that it lies in."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

__all__ = ["install", "install_once", "program_of"]


def install(packed_archive: str, folder: Path) -> str:
    """Put the archive into `folder`/bin and its code into `folder`/lib; return the path of the archive."""
    (folder / "bin").mkdir()
    installed = shutil.copy(packed_archive, str(folder / "bin"))
    unpack = "import sys; sys.path.insert(0, sys.argv[1]); import archive_entry; archive_entry.install(sys.argv[1])"
    subprocess.run([sys.executable, "-I", "-S", "-c", unpack, installed], check=True)
    return str(installed)


def program_of(archive: str) -> "List[str]":
    """Return the words that run an archive by the Python of the tests.

    An installed one is run as its user does: it knows the Python that installed it, and takes 18 ms of a processor to
    start; Python, which reads the archive first, takes 46 ms.
    """
    is_installed = os.path.isdir(os.path.join(os.path.dirname(os.path.dirname(archive)), "lib", "bkagent"))
    return [archive] if is_installed else [sys.executable, archive]


def install_once(packed_archive: str, folder: Path) -> str:
    """Install the archive unless another process has, or wait while it does; return the path of the archive.

    What a process left that was killed while it installed is not used.
    """
    with open(folder / "installed", "a+", encoding="utf-8") as path_file:
        fcntl.flock(path_file, fcntl.LOCK_EX)
        path_file.seek(0)
        path = path_file.read()
        if not path:
            path = install(packed_archive, Path(tempfile.mkdtemp(dir=str(folder))))
            path_file.write(path)
    return path
