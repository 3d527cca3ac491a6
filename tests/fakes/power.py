"""A machine whose power can be cut: code that remembers what it brought to the disk, and what a disk has afterwards.

    code = power.code(tmp_path / "code", tmp_path / "disk")      the package, with a shim in place of fsync
    ... processes that run this code, with PYTHONPATH=code and power.BOOT=first in their environment; kill them all ...
    power.after_cut(state, disk, after, chance)                  the state folder as the machine finds it again

The model is of a file system that keeps no promise but fsync's: a file has the bytes of its last sync and, by chance,
a part of what came later; a folder has the names of its last sync and, by chance, those that came later. Linux alone.
"""

from __future__ import annotations

import compileall
import os
import pickle
import random
import shutil
import stat
from pathlib import Path
from typing import Dict, Optional

from tests.fakes.agent_process import CHECKOUT

BOOT = "POWER_BOOT"  # a stand-in for the id of the machine's boot

_SHIM = """
import fcntl
import pickle

_DISK = {disk!r}


def _remember(fd, look):
    # What was looked at first must not be remembered last, or the disk would forget what it had: one at a time.
    found = os.path.join(_DISK, str(os.fstat(fd).st_ino))
    with open(found + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        aside = found + "." + os.urandom(4).hex()
        with open(aside, "wb") as file:
            pickle.dump(look(), file)
        os.replace(aside, found)


def sync_file(fd):
    def look():
        with open("/proc/self/fd/%d" % fd, "rb") as file:
            return file.read()

    _remember(fd, look)


def sync_folder(path):
    def look():
        names = {{}}
        for name in os.listdir(path):
            try:
                names[name] = os.lstat(os.path.join(path, name)).st_ino
            except FileNotFoundError:
                pass  # it went away meanwhile; the sync of that change comes
        return names

    fd = os.open(path, os.O_RDONLY)
    try:
        _remember(fd, look)
    finally:
        os.close(fd)
"""
_BOOT = f'''
import os


def boot_id():
    return os.environ.get("{BOOT}", "first")
'''


def code(folder: Path, disk: Path, sync_every_s: float = 0.05) -> Path:
    """Make a copy of the package that remembers what it syncs below `disk`; return what to put on PYTHONPATH."""
    disk.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "bkagent", folder / "bkagent")  # with its bytecode, which is valid for a copy
    system = folder / "bkagent" / "system"
    with (system / "_durable_posix.py").open("a") as file:
        file.write(_SHIM.format(disk=str(disk)))
    (system / "boot.py").write_text(_BOOT)
    module = folder / "bkagent" / "spool" / "background_sync.py"
    text = module.read_text()
    assert "EVERY_S = 1.0" in text
    module.write_text(text.replace("EVERY_S = 1.0", f"EVERY_S = {sync_every_s}"))
    compileall.compile_dir(str(folder), quiet=1)  # what was changed; processes under test write no bytecode
    return folder


def synced(disk: Path, path: Path) -> Optional[bytes]:
    """Return what the disk has for sure of a file, None when it was never synced."""
    found = _remembered(disk, path)
    current = path.read_bytes()
    # A number of a file that is gone may belong to another now.
    return found if isinstance(found, bytes) and current.startswith(found) else None


def is_named(disk: Path, path: Path) -> bool:
    """Whether the disk has the name of a file for sure."""
    names = _remembered(disk, path.parent)
    return path.exists() and isinstance(names, dict) and names.get(path.name) == os.lstat(path).st_ino


def after_cut(state: Path, disk: Path, after: Path, chance: random.Random) -> None:
    """Copy `state` to `after` as it is when the power comes back."""
    after.mkdir(mode=0o700)
    names: Dict[str, int] = {name: os.lstat(state / name).st_ino for name in os.listdir(state)}
    remembered = _remembered(disk, state)
    known = remembered if isinstance(remembered, dict) else {}
    lucky = chance.random() < 0.5
    for name, inode in names.items():
        path, target = state / name, after / name
        kind = os.lstat(path).st_mode
        # Names of folders above the entry count as older than the machine's last start.
        if not lucky and known and known.get(name) != inode and not stat.S_ISDIR(kind):
            continue
        if stat.S_ISDIR(kind):
            after_cut(path, disk, target, chance)
        elif stat.S_ISFIFO(kind):
            os.mkfifo(target, 0o600)
        elif stat.S_ISREG(kind):
            sure = synced(disk, path) or b""
            rest = path.read_bytes()[len(sure) :]
            target.write_bytes(sure + rest[: chance.choice((0, 0, len(rest), chance.randrange(len(rest) + 1)))])
            target.chmod(stat.S_IMODE(kind))


def _remembered(disk: Path, path: Path) -> object:
    try:
        return pickle.loads((disk / str(os.lstat(path).st_ino)).read_bytes())
    except FileNotFoundError:
        return None
