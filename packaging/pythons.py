"""The Pythons of this machine, from 3.8 on."""

import glob
import os
import shutil
import subprocess
import sys

_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"
# In memory: what a check compiles must not end up beside the sources.
_COMPILE = """
import os, sys
count = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                compile(file.read(), path, "exec", dont_inherit=True)
            count += 1
print("%d files on Python %s" % (count, sys.version.split()[0]))
sys.exit(not count)
"""


def find() -> "list[str]":
    """Return one interpreter for each version, oldest first."""
    candidates = [sys.executable, shutil.which("python3") or ""]
    candidates += [shutil.which(f"python3.{minor}") or "" for minor in range(8, 20)]
    candidates += sorted(glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3")))
    found: "dict[tuple[int, ...], str]" = {}
    for candidate in candidates:
        version = _version(candidate) if candidate else None
        if version is not None and version >= (3, 8):
            found.setdefault(version, candidate)
    return [found[version] for version in sorted(found)]


def compiles(python: str, folder: str) -> bool:
    """Return whether every file under `folder` compiles; prints what came of it."""
    return subprocess.run([python, "-I", "-S", "-c", _COMPILE, folder]).returncode == 0


def _version(python: str) -> "tuple[int, ...] | None":
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", _VERSION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30
        )
        return tuple(int(part) for part in done.stdout.decode().split(".")) if done.returncode == 0 else None
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
